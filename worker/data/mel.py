"""Sound as numbers for networks: read, resampled, and as a log-mel picture."""

import io
import math

import soundfile
import torch
from torch import Tensor


def read_sound(content: bytes, rate: int, seconds: float | None = None) -> Tensor:
    """Return a recording as one channel (T,) of `rate` samples a second, its first `seconds`."""
    with soundfile.SoundFile(io.BytesIO(content)) as file:
        frames = -1 if seconds is None else math.ceil(seconds * file.samplerate)
        samples = file.read(frames, dtype="float32", always_2d=True)
        own_rate = file.samplerate
    return resample(torch.from_numpy(samples).mean(dim=1), own_rate, rate)


def resample(wave_T: Tensor, rate: int, wanted: int) -> Tensor:
    """Return a sound at another rate, through a windowed sinc that keeps what both can hold."""
    if rate == wanted:
        return wave_T
    common = math.gcd(rate, wanted)
    up, down = wanted // common, rate // common
    # Just below the lower of the two limits, so that nothing folds back.
    edge = min(up, down) * 0.95
    width = math.ceil(16 * down / edge)
    places = torch.arange(-width, width + down, dtype=torch.float64)[None] / down
    times = (places - torch.arange(up, dtype=torch.float64)[:, None] / up) * edge
    times = times.clamp(-16, 16)
    kernels = torch.sinc(times) * torch.cos(times * math.pi / 32).square() * (edge / down)
    padded = torch.nn.functional.pad(wave_T.double()[None, None], (width, width + down))
    phases = torch.nn.functional.conv1d(padded, kernels[:, None], stride=down)[0]
    return phases.T.reshape(-1)[: math.ceil(len(wave_T) * up / down)].float()


def mel_filters(rate: int, n_fft: int, n_mels: int) -> Tensor:
    """Return triangles (F, M) that are equally wide on the mel scale, up to half the rate."""
    top = 2595 * math.log10(1 + rate / 2 / 700)
    mels = torch.linspace(0, top, n_mels + 2, dtype=torch.float64)
    edges = 700 * (10 ** (mels / 2595) - 1)
    bins = torch.linspace(0, rate / 2, n_fft // 2 + 1, dtype=torch.float64)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp_min(0).float()


def log_mel(wave_T: Tensor, rate: int, n_mels: int) -> Tensor:
    """Return the log-mel picture (M, T) of a sound, ten milliseconds a column, mean 0, spread 1."""
    hop, n_fft = rate // 100, 2 ** math.ceil(math.log2(rate * 0.025))
    spectrum = torch.stft(
        wave_T,
        n_fft,
        hop,
        window=torch.hann_window(n_fft),
        pad_mode="constant",
        return_complex=True,
    )
    powers = spectrum.abs().square().T @ mel_filters(rate, n_fft, n_mels)
    levels = powers.clamp_min(1e-8).log().T
    return (levels - levels.mean()) / (levels.std() + 1e-5)
