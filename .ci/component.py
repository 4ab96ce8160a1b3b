#!/usr/bin/env python3
"""Prints the manifests of deploy/kubernetes with the patches of its component instances-here, as `kubectl kustomize` would, for
validation where kustomize is not installed. A patch whose path or target does not exist fails."""
import json
import pathlib
import sys

import jsonpatch
import yaml

folder = pathlib.Path(__file__).parent.parent / "deploy/kubernetes"
component = yaml.safe_load((folder / "instances-here/kustomization.yaml").read_text())


def objects(path):
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


base = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
paths = [folder / name for name in base] + [folder / "instances-here/agents.yaml"]
everything = [one for path in paths for one in objects(path)]
for patch in component["patches"]:
    target = patch["target"]
    fits = [one for one in everything if one["kind"] == target["kind"] and one["metadata"]["name"] == target["name"]]
    if len(fits) != 1:
        sys.exit(f"{len(fits)} objects are {target}")
    operations = jsonpatch.JsonPatch(yaml.safe_load(patch["patch"]))
    operations.apply(fits[0], in_place=True)

role = next(one for one in everything if one["kind"] == "Role")
readme = (folder.parent.parent / "providers/kubernetes/README.md").read_text()
documented = yaml.safe_load_all(readme.split("```yaml\n")[1].split("```")[0])
if role not in list(documented):
    sys.exit("the role of instances-here is not that of providers/kubernetes/README.md, which the tests use")
services = next(one for one in everything if one["kind"] == "Deployment" and one["metadata"]["name"] == "services-svc")
assert services["spec"]["template"]["spec"]["automountServiceAccountToken"] is True
yaml.safe_dump_all(json.loads(json.dumps(everything)), sys.stdout)
