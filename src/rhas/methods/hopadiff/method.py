"""HopaDIFF as a whole (paper section 4.2): training losses and sampled scores.

B rows, L frames, N steps of the model, C classes, W channels of z.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rhas.methods import Batch, Dims, Method
from rhas.methods.hopadiff import losses
from rhas.methods.hopadiff.config import Config
from rhas.methods.hopadiff.decoder import Decoder, Prepared
from rhas.methods.hopadiff.diffusion import add_noise, cosine_schedule, ddim
from rhas.methods.hopadiff.encoder import Encoder
from rhas.methods.hopadiff.inputs import Inputs, Steps
from rhas.methods.hopadiff.layers import wide
from rhas.methods.hopadiff.spectrum import SpectrumEmbedding
from rhas.methods.hopadiff.xlstm import Block

_RAREST = 1e-4  # share of frames that classes without a training frame start at
_SHARES = 20  # steps between a branch that counts nothing and one that counts alone


class HopaDIFF(Method):
    """Encoders -> HP-xLSTM -> spectrum -> diffusion decoders, on one or two streams."""

    alpha_bar: Tensor
    pos_weight: Tensor
    shares: Tensor

    def __init__(self, config: Config, dims: Dims) -> None:
        super().__init__()
        self.config, self.dims = config, dims
        width = config.condition_width
        self.names = ("holistic", "partial") if config.partial_branch else ("holistic",)
        self.inputs = Inputs(config, dims.D, self.names)
        streams = len(self.names)
        self.encoders = nn.ModuleList(Encoder(config, dims.D, dims.C) for _ in range(streams))
        self.blocks = nn.ModuleList(
            Block(config, streams) for _ in range(config.xlstm_blocks if config.hp_xlstm else 0)
        )
        at_decoder = config.dft_condition and config.spectrum_at == "decoder"
        out = config.spectrum_width if at_decoder else width
        self.spectra = nn.ModuleList(
            SpectrumEmbedding(config.spectrum, width, out)
            for _ in range(streams if config.dft_condition else 0)
        )
        self.at_decoder = at_decoder
        widths = [width]
        widths += [out] if at_decoder else []
        self.decoders = nn.ModuleList(
            Decoder(config, dims.C, widths) for _ in range(1 if config.shared_decoder else streams)
        )
        self.register_buffer("alpha_bar", cosine_schedule(config.timesteps).float())
        self.register_buffer("pos_weight", torch.ones(dims.C))
        self.register_buffer("shares", torch.full((streams,), 1 / streams))

    def adapt(self, samples: Iterable[Batch]) -> None:
        """Feature statistics, class frequencies (see ``Config``)."""
        frames = torch.zeros((), dtype=torch.float64)
        present = torch.zeros(self.dims.C, dtype=torch.float64)

        def counted() -> Iterator[Batch]:
            for sample in samples:
                frames.add_(sample["mask"].sum())
                present.add_(sample["labels"][sample["mask"]].sum(0))
                yield sample

        self.inputs.adapt(counted())
        share = (present / frames.clamp_min(1)).clamp(_RAREST, 1 - _RAREST).float()
        if self.config.prior_bias:
            for part in itertools.chain(self.encoders, self.decoders):
                part.head.bias.data.copy_(torch.logit(share))  # type: ignore[union-attr, operator]
        occurs = present > 0
        if occurs.any():
            weight = share[occurs].median() / share
            self.pos_weight.copy_(weight.clamp(1, self.config.pos_weight_cap))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Frame and boundary losses of encoders and decoders, per stream."""
        config = self.config
        batch = self._here(batch)
        steps = self.inputs(batch)
        reach = steps.mask.shape[1]
        labels = self.inputs.pooled(batch["labels"], batch["mask"])[:, :reach]
        boundary = self.inputs.pooled(batch["boundary"][..., None], batch["mask"])[:, :reach, 0]

        z, logits = self._encoded(steps)
        keep = self._kept(labels, boundary)
        t = torch.randint(config.timesteps, (len(labels),)).to(labels.device)
        noise = torch.randn(labels.shape).to(labels.device)
        clean = config.scale * (2 * labels - 1)
        noisy = add_noise(clean, noise, self.alpha_bar[t, None, None])
        denoised = [
            self._decoder(row)(self._read(noisy), t, prepared, steps.mask)
            for row, prepared in enumerate(self._conditions(z, steps, keep))
        ]

        terms = {}
        for part, weight, outputs in (
            ("encoder", config.encoder_weight, logits),
            ("decoder", config.decoder_weight, denoised),
        ):
            for name, output in zip(self.names, map(wide, outputs), strict=True):
                kinds = {
                    "frame": (config.bce_weight, self._frame_loss(output, labels, steps)),
                    "boundary": (
                        config.boundary_weight,
                        losses.boundary_loss(output, boundary, steps.mask),
                    ),
                }
                if config.smoothing_weight > 0:
                    smoothness = losses.smoothing_loss(output, steps.mask)
                    kinds["smoothing"] = (config.smoothing_weight, smoothness)
                for kind, (share, loss) in kinds.items():
                    terms[f"{part}_{name}_{kind}"] = weight * share * loss
        return terms

    @torch.no_grad()
    def settle(self, samples: Iterable[Batch]) -> dict[str, float]:
        """With ``fusion`` fitted, the share of each branch in the scores: what gives the lowest
        cross-entropy, in steps of a twentieth; equal ones where there is no sample."""
        if self.config.fusion == "mean" or len(self.names) == 1:
            return {}
        grid = torch.linspace(0, 1, _SHARES + 1).tolist()
        losses = [0.0] * len(grid)
        for sample in samples:
            batch = self._here({name: value[None] for name, value in sample.items()})
            steps = self.inputs(batch)
            one, other = self._streams(steps, torch.Generator().manual_seed(0))
            real = steps.mask
            labels = self.inputs.pooled(batch["labels"], batch["mask"])[:, : real.shape[1]]
            for place, share in enumerate(grid):
                mixed = (share * one + (1 - share) * other).clamp(_RAREST, 1 - _RAREST)
                loss = F.binary_cross_entropy(mixed[real], labels[real], reduction="sum")
                losses[place] += float(loss)
        if any(losses):
            first = grid[losses.index(min(losses))]
            self.shares.copy_(torch.tensor([first, 1 - first]))
        return dict(zip(self.names, self.shares.tolist(), strict=True))

    @torch.no_grad()
    def scores(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The mean of the streams' DDIM samples, weighted by ``shares``; each stream runs its own
        chains.

        Args:
            batch: labels and boundary are not read.
            generator: a CPU generator.

        Returns:
            float32 (B, L, C) in [0, 1], 0 on padding, on the method's device.
        """
        batch = self._here(batch)
        sampled = torch.stack(self._streams(self.inputs(batch), generator), -1)
        length = batch["mask"].shape[1]
        with torch.autocast(sampled.device.type, enabled=False):  # half precision would tie scores
            mixed = sampled.to(self.shares.dtype) @ self.shares
        frames = mixed.repeat_interleave(self.config.stride, 1)[:, :length]
        frames = F.pad(frames, (0, 0, 0, length - frames.shape[1]))
        return frames * batch["mask"][..., None]

    def _streams(self, steps: Steps, generator: torch.Generator) -> list[Tensor]:
        """DDIM samples of each stream, (B, N, C)."""
        training = self.training
        self.eval()
        try:
            z, _ = self._encoded(steps)
            return [
                self._sampled(row, prepared, steps, generator)
                for row, prepared in enumerate(self._conditions(z, steps, None))
            ]
        finally:
            self.train(training)

    def _here(self, batch: Batch) -> dict[str, Tensor]:
        return {key: value.to(self.alpha_bar.device) for key, value in batch.items()}

    def _decoder(self, row: int) -> Decoder:
        return self.decoders[0 if self.config.shared_decoder else row]  # type: ignore[return-value]

    def _encoded(self, steps: Steps) -> tuple[list[Tensor], list[Tensor]]:
        """ẑ of each stream (B, N, W), and the encoders' logits (B, N, C)."""
        both = [
            encoder(x, steps.mask) for encoder, x in zip(self.encoders, steps.streams, strict=True)
        ]
        z, logits = [one for one, _ in both], [other for _, other in both]
        if self.config.dft_condition and not self.at_decoder:
            z = [
                one + self._spectrum(row, one, steps) * steps.mask[..., None]
                for row, one in enumerate(z)
            ]
        for block in self.blocks:
            z = block(z, steps.mask)
        return z, logits

    def _conditions(self, z: list[Tensor], steps: Steps, keep: Tensor | None) -> Iterator[Prepared]:
        """The decoders' prepared conditions; ``keep`` (B, N) says which frames have one."""
        for row, one in enumerate(z):
            kept = one if keep is None else one * keep[..., None]
            parts = [kept]
            if self.at_decoder:
                parts.append(self._spectrum(row, kept, steps))
            yield self._decoder(row).prepare(parts)

    def _spectrum(self, row: int, z: Tensor, steps: Steps) -> Tensor:
        """Embedded spectrum over the whole sample, padding included, so that position l is the
        same frequency in every batch; the first N positions of it."""
        whole = F.pad(z, (0, 0, 0, steps.total - z.shape[1]))
        return self.spectra[row](whole)[:, : z.shape[1]]

    def _frame_loss(self, logits: Tensor, labels: Tensor, steps: Steps) -> Tensor:
        gamma = self.config.focal_gamma
        return losses.frame_loss(logits, labels, steps.mask, self.pos_weight, gamma)

    def _sampled(
        self, row: int, prepared: Prepared, steps: Steps, generator: torch.Generator
    ) -> Tensor:
        """One stream's probabilities, (B, N, C)."""
        config, mask, decoder = self.config, steps.mask, self._decoder(row)

        def noise() -> Tensor:
            drawn = torch.randn(1, steps.total, self.dims.C, generator=generator)
            return drawn[:, : mask.shape[1]].expand(len(mask), -1, -1).to(mask.device)

        def denoise(y: Tensor, t: int) -> Tensor:
            at = torch.full((len(mask),), t, device=mask.device)
            logits = wide(decoder(self._read(y), at, prepared, mask))
            p = logits.softmax(-1) if config.output == "softmax" else logits.sigmoid()
            return config.scale * (2 * p - 1)

        levels = self.alpha_bar.double().cpu()  # read one by one: each would wait for a GPU
        drawn = [
            ddim(denoise, noise, levels, config.sampling_steps, config.eta)
            for _ in range(config.samples)
        ]
        clean = torch.stack(drawn).mean(0)
        return ((clean / config.scale + 1) / 2).clamp(0, 1)

    def _read(self, y: Tensor) -> Tensor:
        """y_t as the decoder reads it (``clip_noisy``)."""
        if not self.config.clip_noisy:
            return y
        return (y / self.config.scale).clamp(-1, 1).add(1).div(2)

    def _kept(self, labels: Tensor, boundary: Tensor) -> Tensor | None:
        """The frames of each row whose condition stays, drawn as ``condition_masks`` says."""
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
                there = (labels[row] > 0).any(0).nonzero()[:, 0]
                if len(there):
                    chosen = there[torch.randint(len(there), ())]
                    keep[row] = (labels[row, :, chosen] == 0).float()
        return keep
