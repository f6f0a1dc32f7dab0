"""HopaDIFF's parameters and presets (paper section 5.1, appendix B; the published code's sizes)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from rhas.base.errors import RhasError

PROJECTION_BLOCK = 4  # channels of a block of the block-diagonal projections
_CONDITION_MASKS = ("full", "zero", "boundary", "class")


@dataclass(frozen=True)
class Config:
    """Structure, losses and sampling of HopaDIFF.

    The first four are the ablations of Table 5; with all of them off what remains is ActDiff.

    Args:
        partial_branch: the second branch on the referred person's crop.
        hp_xlstm: mLSTM blocks between encoders and decoders (Eq. 4, 5).
        bca: exchange of input gates between the branches (Eq. 5); nothing to do without
            ``partial_branch`` and ``hp_xlstm``.
        dft_condition: the spectrum as a second condition (Eq. 6).
        stride: frames averaged into one step of the model; scores are repeated back to L frames.
            1 in the paper.
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
        time_width: width of the embedding of the diffusion step, even.
        condition_values: the decoder's input and its values, too, see the condition; in DiffAct
            only queries and keys do, so the condition can merely choose among neighbours.
        condition_norm: normalise each frame of ẑ and ẑ_f before the decoder; DiffAct does not.
        shared_decoder: one decoder for both branches, as in the published code.
        xlstm_blocks: mLSTM blocks per branch.
        xlstm_heads: H; must divide the width of z.
        xlstm_chunk: frames of a chunk of the chunkwise form; changes cost, not results.
        xlstm_projections: of q, k and v: ``dense`` (Eq. 5) or ``block``, block-diagonal with blocks
            of 4 channels as in xLSTM.
        forget_gate: ``sigmoid`` or ``exp`` (Eq. 5 allows both).
        bca_width: width of queries and keys of BCA.
        bca_reach: BCA attends to the frames t, t±1, t±2, ..., t±2^reach.
        spectrum: ``dft`` (Eq. 6) or ``dct`` (DCT-II, the published code).
        spectrum_at: ``decoder`` (Eq. 7) or ``xlstm``: added to z before HP-xLSTM (published code).
        spectrum_width: channels of the spectrum's embedding at the decoder.
        missing: frames without a crop get a ``learned`` vector or ``zero`` features.
        standardise: shift and scale every feature channel by statistics of the training samples.
        centre: take from every feature channel its mean over the sample's own frames: what stays
            the same about a person and a place is not what the person does.
        prior_bias: start the outputs at the classes' frequencies in the training samples.
        timesteps: diffusion steps of training.
        sampling_steps: DDIM steps.
        eta: 0 makes DDIM deterministic, 1 gives the noise of DDPM.
        scale: labels become -scale and +scale.
        clip_noisy: the decoder reads y_t clipped to the labels' range, as [0, 1] (section 4.2,
            y_t ∈ [0,1]; DiffAct), or else as it is.
        samples: DDIM samples whose mean is the score.
        fusion: of the branches' scores: their ``mean`` (section 4.2), or a weighted mean, its
            weights ``fitted`` on val after training: where one branch is much the better one, the
            plain mean costs.
        output: ``sigmoid`` (multi-label) or ``softmax`` in sampling, as in the published code.
        condition_masks: what a training sample's condition loses, drawn evenly from ``full``
            (nothing), ``zero`` (all), ``boundary`` (frames near label-set changes), ``class`` (the
            frames of one of its classes).
        encoder_weight: of the encoders' losses.
        decoder_weight: of the decoders' losses.
        bce_weight: of the frame loss.
        focal_gamma: the frame loss weighs an entry by (1 - probability of its truth)^γ; 0 is
            cross-entropy.
        boundary_weight: of the boundary loss.
        smoothing_weight: of the clipped squared difference between neighbouring log-probabilities.
        pos_weight_cap: present labels weigh up to this much more where a class is rare; 1 is off.
        recompute: layers run again in the backward pass instead of keeping what it needs: less
            memory, a third more time; changes cost, not results.
    """

    partial_branch: bool = True
    hp_xlstm: bool = True
    bca: bool = True
    dft_condition: bool = True
    stride: int = 1
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
    xlstm_blocks: int = 1
    xlstm_heads: int = 4
    xlstm_chunk: int = 64
    xlstm_projections: Literal["dense", "block"] = "dense"
    forget_gate: Literal["sigmoid", "exp"] = "sigmoid"
    bca_width: int = 16
    bca_reach: int = 6
    spectrum: Literal["dft", "dct"] = "dft"
    spectrum_at: Literal["decoder", "xlstm"] = "decoder"
    spectrum_width: int = 128
    missing: Literal["learned", "zero"] = "learned"
    standardise: bool = False
    centre: bool = False
    prior_bias: bool = False
    timesteps: int = 1000
    sampling_steps: int = 25
    eta: float = 1.0
    scale: float = 1.0
    clip_noisy: bool = True
    samples: int = 1
    fusion: Literal["mean", "fitted"] = "mean"
    output: Literal["sigmoid", "softmax"] = "sigmoid"
    condition_masks: tuple[str, ...] = ("full",)
    encoder_weight: float = 1.0
    decoder_weight: float = 1.0
    bce_weight: float = 1.0
    focal_gamma: float = 0.0
    boundary_weight: float = 1.0
    smoothing_weight: float = 0.0
    pos_weight_cap: float = 1.0
    recompute: bool = False

    def __post_init__(self) -> None:
        for name in (
            "stride", "encoder_layers", "decoder_layers", "xlstm_blocks", "xlstm_heads",
            "xlstm_chunk", "samples",
        ):  # fmt: skip
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        _require(self.bca_reach >= 0, "bca_reach", "0 or more", self.bca_reach)
        for name in ("encoder_kernel", "decoder_kernel"):
            value = getattr(self, name)
            _require(value >= 1 and value % 2 == 1, name, "an odd number", value)
        for name in ("encoder_dropout", "channel_dropout", "temporal_dropout", "decoder_dropout"):
            _require(0 <= getattr(self, name) < 1, name, "from 0, below 1", getattr(self, name))
        _require(
            len(self.feature_layers) > 0
            and all(0 <= layer < self.encoder_layers for layer in self.feature_layers),
            "feature_layers",
            f"numbers from 0 to {self.encoder_layers - 1}",
            self.feature_layers,
        )
        _require(
            self.condition_width % self.xlstm_heads == 0,
            "xlstm_heads",
            f"a divisor of {self.condition_width} (feature layers × encoder_maps)",
            self.xlstm_heads,
        )
        _require(
            1 <= self.sampling_steps <= self.timesteps,
            "sampling_steps",
            f"1 to {self.timesteps}",
            self.sampling_steps,
        )
        _require(self.time_width % 2 == 0, "time_width", "an even number", self.time_width)
        _require(
            len(self.condition_masks) > 0 and set(self.condition_masks) <= set(_CONDITION_MASKS),
            "condition_masks",
            "some of " + ", ".join(_CONDITION_MASKS),
            self.condition_masks,
        )
        _require(self.scale > 0, "scale", "above 0", self.scale)
        _require(self.eta >= 0, "eta", "0 or more", self.eta)
        _require(self.focal_gamma >= 0, "focal_gamma", "0 or more", self.focal_gamma)
        _require(
            self.xlstm_projections == "dense" or self.condition_width % PROJECTION_BLOCK == 0,
            "xlstm_projections",
            f"dense: {self.condition_width} channels are not blocks of {PROJECTION_BLOCK}",
            self.xlstm_projections,
        )
        _require(self.pos_weight_cap >= 1, "pos_weight_cap", "1 or more", self.pos_weight_cap)

    @property
    def condition_width(self) -> int:
        """Channels of z and ẑ."""
        return len(self.feature_layers) * self.encoder_maps


def _require(holds: bool, name: str, expected: str, got: object) -> None:
    if not holds:
        raise RhasError(
            "parameter out of range",
            where=f"method hopadiff, {name}",
            expected=expected,
            got=str(got),
        )


_PAPER = Config()

PRESETS: dict[str, Config] = {
    "paper": _PAPER,
    "appendix": replace(
        _PAPER, encoder_maps=64, decoder_maps=24, spectrum_width=24, feature_layers=(5, 7, 9)
    ),
    "code": replace(
        _PAPER,
        encoder_layers=10,
        encoder_maps=256,
        decoder_maps=24,
        decoder_kernel=7,
        spectrum_width=24,
    ),
    "mini": replace(
        _PAPER,
        stride=5,
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
        standardise=True,
        centre=True,
        prior_bias=True,
        scale=0.2,
        clip_noisy=False,
        sampling_steps=4,
        fusion="fitted",
        boundary_weight=0.1,
    ),
}
