"""HopaDIFF as a whole (paper section 4.2): training losses and sampled scores.

B rows, L frames, N pooled frames, C classes, W channels of z.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rhas.base.batch import Batch, add_batch_dimension, move_batch
from rhas.methods.base import Dims
from rhas.methods.hopadiff.branches import BranchFeatures, BranchReader
from rhas.methods.hopadiff.config import HopaDiffConfig
from rhas.methods.hopadiff.decoder import DiffusionDecoder, PreparedCondition
from rhas.methods.hopadiff.diffusion import add_noise, cosine_schedule, ddim
from rhas.methods.hopadiff.encoder import BranchEncoder
from rhas.methods.hopadiff.fusion import ScoreFusion
from rhas.methods.hopadiff.layers import upcast
from rhas.methods.hopadiff.losses import boundary_loss
from rhas.methods.hopadiff.spectrum import SpectrumEmbedding
from rhas.methods.hopadiff.xlstm import MLSTMBlock
from rhas.methods.layers.config import STREAMS
from rhas.methods.layers.losses import class_probabilities, frame_loss, smoothing_loss
from rhas.methods.layers.segmenter import Segmenter, evaluation_mode
from rhas.methods.layers.window_regression import WindowRegression

_FUSION_FRAMES = 200  # of a val sample that the fusion is fitted on; neighbours are alike
_ETA = 1.0  # noise of DDIM: as much as DDPM's


class HopaDIFF(Segmenter[BranchFeatures]):
    """Encoders -> HP-xLSTM -> spectrum -> diffusion decoders, on one or two streams."""

    config: HopaDiffConfig
    compiled_losses = "losses_at"  # what follows the draws, whose control flow depends on the data
    alpha_bar: Tensor

    def __init__(self, config: HopaDiffConfig, dims: Dims) -> None:
        names = STREAMS["both" if config.partial_branch else "holistic"]
        super().__init__(config, dims, BranchReader(config, dims.D, names))
        self.names = names
        width, streams = config.condition_width, len(names)
        self.encoders = nn.ModuleList(BranchEncoder(config, dims.D, dims.C) for _ in range(streams))
        self.xlstm = MLSTMBlock(config, streams) if config.hp_xlstm else None
        self.at_decoder = config.dft_condition and config.spectrum_at == "decoder"
        spectrum_width = config.spectrum_width if self.at_decoder else width
        self.spectra = nn.ModuleList(
            SpectrumEmbedding(config.spectrum, width, spectrum_width)
            for _ in range(streams if config.dft_condition else 0)
        )
        widths = [width, spectrum_width] if self.at_decoder else [width]
        self.decoders = nn.ModuleList(
            DiffusionDecoder(config, dims.C, widths)
            for _ in range(1 if config.shared_decoder else streams)
        )
        self.register_buffer("alpha_bar", cosine_schedule(config.timesteps).float())
        self.linear = WindowRegression(config, dims, streams) if config.linear_path else None
        self.experts = (*names, *(["linear"] if config.linear_path else []))
        self.fusion = ScoreFusion(len(self.experts), config.fusion)

    def read_features(self, batch: Batch) -> BranchFeatures:
        features: BranchFeatures = self.reader(batch)
        if self.linear is None or self.training:
            return features
        return replace(features, windows=self.linear.read(self.reader, batch).x)

    def fit_statistics(self, samples: Iterable[Batch]) -> None:
        """Feature statistics, class frequencies, and the linear path."""
        super().fit_statistics(samples)
        if self.linear is not None:
            self.linear.fit_samples(self.reader, samples, self.config.linear_l2)

    def set_priors(self, share: Tensor) -> None:
        """Sets the biases of all heads to the classes' shares of the training frames."""
        for bias in self.output_biases():
            bias.data.copy_(torch.logit(share.float()))

    def output_biases(self) -> Iterable[Tensor]:
        return [part.head.bias for part in (*self.encoders, *self.decoders)]

    def network_losses(
        self, features: BranchFeatures, labels: Tensor, boundary: Tensor
    ) -> dict[str, Tensor]:
        """Frame, boundary and smoothing losses of encoders and decoders, per stream."""
        keep = self._draw_condition_mask(labels, boundary)
        t = torch.randint(self.config.timesteps, (len(labels),)).to(labels.device)
        noise = torch.randn(labels.shape).to(labels.device)
        return self.losses_at(features, labels, boundary, keep, t, noise)

    def losses_at(
        self, features: BranchFeatures, labels: Tensor, boundary: Tensor, keep: Tensor | None,
        t: Tensor, noise: Tensor,
    ) -> dict[str, Tensor]:  # fmt: skip
        """The losses at timesteps t (B,), of labels with this noise (B, N, C); ``keep`` (B, N)."""
        z, logits = self._encode(features)
        clean = self.config.scale * (2 * labels - 1)
        noisy = add_noise(clean, noise, self.alpha_bar[t, None, None])
        denoised = [
            self._decoder(row)(self._scale_noisy(noisy), t, prepared, features.mask)
            for row, prepared in enumerate(self._prepare_conditions(z, features, keep))
        ]
        outputs = torch.stack([*map(upcast, logits), *map(upcast, denoised)])
        names = [f"{part}_{name}" for part in ("encoder", "decoder") for name in self.names]
        return {
            f"{name}_{kind}": loss
            for kind, losses in self._output_losses(outputs, labels, boundary, features.mask)
            for name, loss in zip(names, losses.unbind(), strict=True)
        }

    def _output_losses(
        self, logits: Tensor, labels: Tensor, boundary: Tensor, mask: Tensor
    ) -> Iterator[tuple[str, Tensor]]:
        """Kinds and weighted losses (S,) of the logits (S, B, N, C) of encoders and decoders."""
        config = self.config
        yield "frame", config.bce_weight * frame_loss(logits, labels, mask)
        yield "boundary", config.boundary_weight * boundary_loss(logits, boundary, mask)
        if config.smoothing_weight > 0:
            yield "smoothing", config.smoothing_weight * smoothing_loss(logits, mask)

    @torch.no_grad()
    def fit_fusion(self, samples: Iterable[Batch]) -> dict[str, float]:
        """With ``fusion`` fitted: the weight of each score, and the bias; without samples all
        scores weigh the same."""
        if self.config.fusion == "mean" or len(self.experts) == 1:
            return {}
        scores, labels = [], []
        for sample in samples:
            batch = move_batch(add_batch_dimension(sample), self.alpha_bar.device)
            with evaluation_mode(self):
                features = self.read_features(batch)
                each = self._expert_scores(features, torch.Generator().manual_seed(0))
            real = features.mask
            step = -(-int(real.sum()) // _FUSION_FRAMES)
            scores.append(each[real][::step])
            labels.append(self.pool_labels(batch, real.shape[1])[real][::step])
        if scores:
            self.fusion.fit(scores, labels)
        weights = zip(self.experts, self.fusion.weights.tolist(), strict=True)
        return {**dict(weights), "bias": float(self.fusion.bias)}

    def network_scores(self, features: BranchFeatures, generator: torch.Generator) -> Tensor:
        """The experts' scores, fused."""
        return self.fusion(self._expert_scores(features, generator))

    def _expert_scores(self, features: BranchFeatures, generator: torch.Generator) -> Tensor:
        """The streams' DDIM samples, a chain per stream, and the linear path; (B, N, C, E)."""
        scores = self._sample_streams(features, generator)
        if self.linear is not None:
            scores.append(self.linear(features.windows).sigmoid())
        return torch.stack(list(map(upcast, scores)), -1)

    def _sample_streams(self, features: BranchFeatures, generator: torch.Generator) -> list[Tensor]:
        """DDIM samples of each stream, (B, N, C)."""
        z, _ = self._encode(features)
        return [
            self._sample_stream(row, prepared, features, generator)
            for row, prepared in enumerate(self._prepare_conditions(z, features, None))
        ]

    def _decoder(self, row: int) -> DiffusionDecoder:
        return self.decoders[0 if self.config.shared_decoder else row]  # type: ignore[return-value]

    def _encode(self, features: BranchFeatures) -> tuple[list[Tensor], list[Tensor]]:
        """ẑ of each stream (B, N, W), and the encoders' logits (B, N, C)."""
        mask = features.mask
        both = [
            encoder(x, mask) for encoder, x in zip(self.encoders, features.streams, strict=True)
        ]
        z, logits = [encoded for encoded, _ in both], [output for _, output in both]
        if self.config.dft_condition and not self.at_decoder:
            z = [
                one + self._embed_spectrum(row, one, features) * mask[..., None]
                for row, one in enumerate(z)
            ]
        return (z if self.xlstm is None else self.xlstm(z, mask)), logits

    def _prepare_conditions(
        self, z: list[Tensor], features: BranchFeatures, keep: Tensor | None
    ) -> Iterator[PreparedCondition]:
        """The decoders' conditions; ``keep`` (B, N) is 0 at frames that have none."""
        for row, one in enumerate(z):
            masked = one if keep is None else one * keep[..., None]
            parts = [masked]
            if self.at_decoder:
                parts.append(self._embed_spectrum(row, masked, features))
            yield self._decoder(row).prepare(parts)

    def _embed_spectrum(self, row: int, z: Tensor, features: BranchFeatures) -> Tensor:
        """The first N positions of the embedded spectrum of the whole sample.

        Padding is included, so that a position is the same frequency in every batch.
        """
        whole = F.pad(z, (0, 0, 0, features.total - z.shape[1]))
        return self.spectra[row](whole)[:, : z.shape[1]]

    def _sample_stream(
        self,
        row: int,
        prepared: PreparedCondition,
        features: BranchFeatures,
        generator: torch.Generator,
    ) -> Tensor:
        """One stream's probabilities, (B, N, C)."""
        config, mask, decoder = self.config, features.mask, self._decoder(row)

        def draw_noise() -> Tensor:
            drawn = torch.randn(1, features.total, self.dims.C, generator=generator)
            return drawn[:, : mask.shape[1]].expand(len(mask), -1, -1).to(mask.device)

        def denoise(y: Tensor, t: int) -> Tensor:
            timesteps = torch.full((len(mask),), t, device=mask.device)
            logits = upcast(decoder(self._scale_noisy(y), timesteps, prepared, mask))
            return config.scale * (2 * class_probabilities(logits, config.output) - 1)

        levels = self.alpha_bar.double().cpu()  # read one by one: each would wait for a GPU
        clean = ddim(denoise, draw_noise, levels, config.sampling_steps, _ETA)
        return ((clean / config.scale + 1) / 2).clamp(0, 1)

    def _scale_noisy(self, y: Tensor) -> Tensor:
        """y_t as the decoder reads it (``clip_noisy``)."""
        if not self.config.clip_noisy:
            return y
        return (y / self.config.scale).clamp(-1, 1).add(1).div(2)

    def _draw_condition_mask(self, labels: Tensor, boundary: Tensor) -> Tensor | None:
        """1 at the frames (B, N) whose condition stays, drawn per row from ``condition_masks``."""
        kinds = self.config.condition_masks
        if set(kinds) == {"full"}:
            return None
        keep = torch.ones_like(boundary)
        for row, draw in enumerate(torch.randint(len(kinds), (len(labels),)).tolist()):
            if kinds[draw] == "zero":
                keep[row] = 0
            elif kinds[draw] == "boundary":
                keep[row] = (boundary[row] < 0.5).float()
            elif kinds[draw] == "class":
                present = (labels[row] > 0).any(0).nonzero()[:, 0]
                if len(present):
                    chosen = present[torch.randint(len(present), ())]
                    keep[row] = (labels[row, :, chosen] == 0).float()
        return keep
