"""Technical facts read from the bytes of an asset: how many pixels, seconds, scenes, faces, tensors.

Nothing is decoded and nothing is believed without a bound; `infra.probe.probing.probe` is the one way in.
"""
