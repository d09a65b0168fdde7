"""Validates the manifests against the schemas of Kubernetes: pip install kubernetes-validate==1.37.0; python deploy/check.py"""
import pathlib
import sys

import kubernetes_validate
import yaml

VERSIONS = ("1.30", "1.34", "1.37")
faults = 0
for path in sorted(pathlib.Path(__file__).parent.glob("kubernetes/*.yaml")):
    for manifest in yaml.safe_load_all(path.read_text()):
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                faults += 1
                print(f"{path.name}: {manifest['kind']}, Kubernetes {version}: {error.message}")
        print(f"{path.name}: {manifest['kind']} {manifest['metadata']['name']}")
sys.exit(1 if faults else 0)
