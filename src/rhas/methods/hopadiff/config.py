"""HopaDIFF's parameters and presets (paper section 5.1, appendix B; the published code)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from rhas.methods.layers.config import (
    MINI_INPUTS,
    check_at_least,
    check_dropout,
    check_field,
)
from rhas.methods.layers.windows import WindowConfig

_CONDITION_MASKS = ("full", "zero", "boundary", "class")


@dataclass(frozen=True)
class HopaDiffConfig(WindowConfig):
    """Structure, losses and sampling of HopaDIFF.

    ``window``, ``means`` and ``bands`` are of the linear path. The first four below are the
    ablations of Table 5; with all of them off the network is ActDiff's.

    Args:
        partial_branch: the second branch on the referred person's crop.
        hp_xlstm: mLSTM blocks between encoders and decoders (Eq. 4, 5).
        bca: exchange of input gates between the branches (Eq. 5); no effect without
            ``partial_branch`` and ``hp_xlstm``.
        dft_condition: the spectrum as a second condition (Eq. 6).
        norm: inside the layers, ``instance`` (a channel over a row's real frames, ASFormer and
            DiffAct) or ``channel`` (a frame over its channels).
        encoder_layers: layers of each encoder, dilation 2^i.
        encoder_maps: channels of the encoders.
        encoder_kernel: taps of convolution and attention, odd.
        encoder_dropout: on the input of every encoder layer.
        channel_dropout: of whole input channels.
        temporal_dropout: of whole input frames.
        feature_layers: encoder layers (from 0) whose outputs, side by side, are z.
        decoder_layers: layers of each decoder, dilation 2^i.
        decoder_maps: channels of the decoders.
        decoder_kernel: taps of convolution and attention, odd.
        decoder_dropout: on the input of every decoder layer, and on the condition.
        time_width: width of the embedding of the timestep, even.
        condition_values: add the condition to the decoder's input and to its values, too. In
            DiffAct it is added to queries and keys alone, so it can merely weight neighbours.
        condition_norm: normalise each frame of ẑ and ẑ_f before the decoder; DiffAct does not.
        shared_decoder: one decoder for both branches (the published code); Eq. 7 has two.
        xlstm_heads: H; must divide the width of z.
        xlstm_chunk: frames of a chunk of the chunkwise form; changes cost, not results.
        forget_gate: ``sigmoid``, or ``exp`` (the published code); Eq. 5 allows both.
        bca_width: width of queries and keys of BCA.
        spectrum: ``dft`` (Eq. 6) or ``dct`` (DCT-II, the published code).
        spectrum_at: ``decoder`` (Eq. 7), or ``xlstm``: added to z before HP-xLSTM (the published
            code).
        spectrum_width: channels of the spectrum's embedding at the decoder.
        missing: frames without a crop get a ``learned`` vector or ``zero`` features.
        timesteps: diffusion steps of training.
        sampling_steps: DDIM steps.
        scale: labels become -scale and +scale.
        clip_noisy: the decoder reads y_t clipped to the labels' range, as [0, 1] (section 4.2,
            y_t ∈ [0,1]; DiffAct); otherwise as it is.
        linear_path: logistic regressions on window statistics of the streams (the method
            ``linear_window``) beside the branches, fitted before the first update; a third score.
        linear_l2: of the linear path, weight of the squared norm of its weights.
        fusion: of the branches' and the linear path's scores: their ``mean`` (section 4.2), or
            ``fitted``: a weighted sum of their log-odds, weights fitted on val after training.
        output: of the denoiser in sampling: ``sigmoid`` (multi-label), or ``softmax`` (the
            published code, which trains with binary cross-entropy all the same).
        condition_masks: what a training sample's condition loses, drawn evenly from ``full``
            (nothing), ``zero`` (all; alone, as in the published code, HP-xLSTM gets no gradient),
            ``boundary`` (frames near label-set changes), ``class`` (the frames of one class).
        bce_weight: of the frame loss.
        boundary_weight: of the boundary loss.
        smoothing_weight: of the clipped squared difference between neighbouring log-probabilities.
    """

    partial_branch: bool = True
    hp_xlstm: bool = True
    bca: bool = True
    dft_condition: bool = True
    norm: Literal["channel", "instance"] = "instance"
    encoder_layers: int = 12
    encoder_maps: int = 256
    encoder_kernel: int = 5
    encoder_dropout: float = 0.5
    channel_dropout: float = 0.5
    temporal_dropout: float = 0.5
    feature_layers: tuple[int, ...] = (5, 7, 9)
    decoder_layers: int = 8
    decoder_maps: int = 128
    decoder_kernel: int = 5
    decoder_dropout: float = 0.1
    time_width: int = 512
    condition_values: bool = False
    condition_norm: bool = False
    shared_decoder: bool = False
    xlstm_heads: int = 4
    xlstm_chunk: int = 64
    forget_gate: Literal["sigmoid", "exp"] = "sigmoid"
    bca_width: int = 16
    spectrum: Literal["dft", "dct"] = "dft"
    spectrum_at: Literal["decoder", "xlstm"] = "decoder"
    spectrum_width: int = 128
    missing: Literal["learned", "zero"] = "learned"
    timesteps: int = 1000
    sampling_steps: int = 25
    scale: float = 1.0
    clip_noisy: bool = True
    linear_path: bool = False
    linear_l2: float = 0.01
    fusion: Literal["mean", "fitted"] = "mean"
    output: Literal["sigmoid", "softmax"] = "sigmoid"
    condition_masks: tuple[str, ...] = ("full",)
    bce_weight: float = 1.0
    boundary_weight: float = 1.0
    smoothing_weight: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, 1, "encoder_layers", "decoder_layers", "xlstm_heads", "xlstm_chunk")
        check_at_least(self, 1, "encoder_maps", "decoder_maps", "bca_width", "spectrum_width")
        check_at_least(self, 2, "time_width")
        for name in ("encoder_kernel", "decoder_kernel"):
            value = getattr(self, name)
            check_field(self, name, value >= 1 and value % 2 == 1, "an odd number")
        check_dropout(
            self, "encoder_dropout", "channel_dropout", "temporal_dropout", "decoder_dropout"
        )
        last = self.encoder_layers - 1
        layers = self.feature_layers
        exist = len(layers) > 0 and all(0 <= layer <= last for layer in layers)
        check_field(self, "feature_layers", exist, f"numbers from 0 to {last}")
        width = self.condition_width
        divisor = f"a divisor of {width} (feature layers × encoder_maps)"
        check_field(self, "xlstm_heads", width % self.xlstm_heads == 0, divisor)
        steps = 1 <= self.sampling_steps <= self.timesteps
        check_field(self, "sampling_steps", steps, f"1 to {self.timesteps}")
        check_field(self, "time_width", self.time_width % 2 == 0, "an even number")
        masks = self.condition_masks
        known = len(masks) > 0 and set(masks) <= set(_CONDITION_MASKS)
        check_field(self, "condition_masks", known, "some of " + ", ".join(_CONDITION_MASKS))
        check_field(self, "scale", self.scale > 0, "above 0")
        check_field(self, "linear_l2", self.linear_l2 > 0, "above 0")

    @property
    def condition_width(self) -> int:
        """Channels of z and ẑ."""
        return len(self.feature_layers) * self.encoder_maps


_CODE = HopaDiffConfig(
    encoder_layers=10, decoder_maps=24, decoder_kernel=7, spectrum_width=24
)  # the published code's sizes in the paper's structure

PRESETS: dict[str, HopaDiffConfig] = {
    "paper": HopaDiffConfig(),
    "appendix": HopaDiffConfig(encoder_maps=64, decoder_maps=24, spectrum_width=24),
    "code": _CODE,
    # The published code's choices where they differ from the paper (docs/METHOD.md, Presets).
    "published": replace(
        _CODE,
        spectrum="dct",
        spectrum_at="xlstm",
        shared_decoder=True,
        forget_gate="exp",
        output="softmax",
        condition_masks=("zero",),
        boundary_weight=0.2,
    ),
    "mini": HopaDiffConfig(
        **MINI_INPUTS,
        norm="channel",
        encoder_layers=6,
        encoder_maps=96,
        encoder_dropout=0.1,
        channel_dropout=0.1,
        temporal_dropout=0.1,
        feature_layers=(2, 5),
        decoder_layers=5,
        decoder_maps=64,
        time_width=128,
        condition_values=True,
        condition_norm=True,
        spectrum_width=48,
        scale=0.2,
        clip_noisy=False,
        sampling_steps=4,
        linear_path=True,
        fusion="fitted",
        boundary_weight=0.1,
    ),
}
