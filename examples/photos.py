"""Twelve real photographs out of the scikit-image wheel, with what their source says about them as sidecars.

`pip install --no-deps --target DIR scikit-image==0.26.0`, then `python -m examples.photos OUT --package DIR`. The
package is never imported (it would need numpy): files are copied and each must have the SHA-256 pinned here. Nothing is
committed or downloaded by this script. The licences are those that scikit-image states in `skimage/data/_fetchers.py`.
Only what the source says is declared, so a photograph whose source names no recording device will be quarantined.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE, VERSION = "scikit-image", "0.26.0"
INSTALL = f"pip install --no-deps --target DIR {PACKAGE}=={VERSION}"


@dataclass(frozen=True, slots=True)
class Photograph:
    """One photograph: file in the wheel, SHA-256, what it shows, licence, source, and what is known of its making."""

    name: str
    sha256: str
    shows: str
    root: str
    licence: str
    source: str
    session: str = ""
    device: str = ""


PHOTOGRAPHS = (
    Photograph(
        "astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        "Eileen Collins, astronaut",
        "public_domain",
        "public domain",
        "NASA Great Images, https://flic.kr/p/r9qvLn",
        session="NASA portrait of Eileen Collins",
    ),
    Photograph(
        "camera.png",
        "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
        "a man with a camera on a tripod",
        "open_licence",
        "CC0-1.0",
        "photographer Lav Varshney, https://github.com/scikit-image/scikit-image/issues/3927",
    ),
    Photograph(
        "chelsea.png",
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        "Chelsea the cat",
        "open_licence",
        "CC0-1.0",
        "photographer Stefan van der Walt",
        session="Chelsea the cat",
        device="PENTAX K100D Super",  # named in the file's XMP
    ),
    Photograph(
        "clock_motion.png",
        "f029226b28b642e80113d86622e9b215ee067a0966feaf5e60604a1e05733955",
        "a wall clock, the camera moving",
        "public_domain",
        "public domain",
        "photographer Stefan van der Walt",
        session="wall clock, camera moved in a horizontal direction",
    ),
    Photograph(
        "coffee.png",
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
        "a cup of coffee",
        "open_licence",
        "CC0-1.0",
        "photographer Rachel Michetti, courtesy of Pikolo Espresso Bar",
        session="Pikolo Espresso Bar",
    ),
    Photograph(
        "coins.png",
        "f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba",
        "Greek coins from Pompeii",
        "public_domain",
        "no known copyright restrictions",
        "Brooklyn Museum, https://www.brooklynmuseum.org/opencollection/archives/image/51611",
    ),
    Photograph(
        "grass.png",
        "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
        "grass",
        "open_licence",
        "CC0-1.0",
        "linolafett, https://www.deviantart.com/linolafett/art/Grass-01-434853879",
    ),
    Photograph(
        "hubble_deep_field.jpg",
        "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
        "the Hubble eXtreme Deep Field",
        "public_domain",
        "public domain",
        "NASA, http://hubblesite.org/newscenter/archive/releases/2012/37/image/a/",
        session="Hubble eXtreme Deep Field, release 2012-37",
        device="Hubble Space Telescope",
    ),
    Photograph(
        "ihc.png",
        "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef",
        "colonic glands under the microscope",
        "public_domain",
        "no known copyright restrictions",
        "Center for Microscopy And Molecular Imaging (CMMI)",
        session="immunohistochemical staining, FHL2, CMMI",
        device="microscope, model not stated",
    ),
    Photograph(
        "microaneurysms.png",
        "a1e1be59aa447f8ce082f7fa809997ab369a2b137cb6c4202abc647c7ccf6456",
        "a detail of a retina",
        "open_licence",
        "CC0-1.0",
        "owner Andreas Maier, High-Resolution Fundus database, https://www5.cs.fau.de/research/data/fundus-images/",
        session="High-Resolution Fundus database, image 07_dr",
        device="fundus camera, model not stated",
    ),
    Photograph(
        "retina.jpg",
        "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
        "a retina",
        "open_licence",
        "CC0-1.0",
        "Mikael Häggström, https://commons.wikimedia.org/wiki/File:Fundus_photograph_of_normal_left_eye.jpg",
        session="fundus photograph of a normal left eye",
        device="fundus camera, model not stated",
    ),
    Photograph(
        "rocket.jpg",
        "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
        "launch of DSCOVR on Falcon 9",
        "public_domain",
        "public domain",
        "SpaceX, https://www.flickr.com/photos/spacexphotos/16511594820/",
        session="launch of DSCOVR, Cape Canaveral, Space Launch Complex 40",
    ),
)


def data_folder(package: Path | None) -> Path:
    """Return the folder of the wheel's pictures, under `package` or wherever Python finds skimage.

    Raises: FileNotFoundError, saying how to install it.
    """
    if package is not None:
        folder = package / "skimage" / "data"
    else:
        spec = importlib.util.find_spec("skimage")  # looks, does not import
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError(f"{PACKAGE} is not installed; try: {INSTALL}")
        folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    if not folder.is_dir():
        raise FileNotFoundError(f"no {folder}; try: {INSTALL}")
    return folder


def copy_photographs(target: Path, package: Path | None = None) -> list[Path]:
    """Copy every photograph, its sidecar and LICENCE.txt into `target` and return the photographs' paths.

    Raises: FileNotFoundError; ValueError where a file of the package is not the one that is pinned.
    """
    source = data_folder(package)
    target.mkdir(parents=True, exist_ok=True)
    copied = []
    for photograph in PHOTOGRAPHS:
        data = (source / photograph.name).read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if found != photograph.sha256:
            raise ValueError(f"{source / photograph.name}: expected sha256 {photograph.sha256}, found {found}")
        path = target / photograph.name
        path.write_bytes(data)
        text = json.dumps(sidecar(photograph), ensure_ascii=False, indent=2) + "\n"
        path.with_name(f"{path.name}.edgeprint.json").write_text(text, encoding="utf-8")
        copied.append(path)
    (target / "LICENCE.txt").write_text(licence_text(), encoding="utf-8")
    return copied


def sidecar(photograph: Photograph) -> dict[str, Any]:
    """Return what the source says of a photograph, as a sidecar; what it does not say is left out."""
    document: dict[str, Any] = {
        "format": "edgeprint/sidecar/1",
        "file": photograph.name,
        "sha256": photograph.sha256,
        "title": photograph.shows,
        "class": "S",
        "origin": "captured",
        "intake_source": "production_stock",
        "authorisation": {"root": photograph.root, "licence": photograph.licence, "source": photograph.source},
    }
    if photograph.device:
        document["environment"] = {"device": photograph.device}
    if photograph.session:
        document["job"] = {"session": photograph.session}
    return document


def licence_text() -> str:
    """Return the text that goes beside the photographs."""
    lines = [
        f"Photographs copied from the Python package {PACKAGE} {VERSION} (BSD-3-Clause, the scikit-image team),",
        "https://pypi.org/project/scikit-image/. Licence and source of each, as the package states them:",
        "",
    ]
    lines += [f"{item.name}: {item.shows}\n  {item.licence}; {item.source}" for item in PHOTOGRAPHS]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="copy twelve photographs out of the scikit-image package")
    parser.add_argument("target", type=Path, help="folder to copy them into")
    parser.add_argument("--package", type=Path, default=None, help="the --target folder of pip install")
    options = parser.parse_args()
    try:
        copied = copy_photographs(options.target, options.package)
    except (OSError, ValueError) as err:
        print(f"photographs: {err}", file=sys.stderr)
        return 1
    print(f"{len(copied)} photographs from {PACKAGE} {VERSION} in {options.target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
