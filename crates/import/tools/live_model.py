#!/usr/bin/env python3
"""Writes src/live/model.txt: the members of what AWS answers about things that run, from botocore (any machine with it).

A path a line below the name of its structure: `[]` behind a name is a list of structures, `*` the keys of a map. ECS's own
structures are not here, nor those of any service that `aws_model` has.
"""
import pathlib

import botocore
import botocore.session

SESSION = botocore.session.get_session()
STRUCTURES = [
    ("events", "Rule", "EventRule"),
    ("events", "Target", "EventTarget"),
    ("application-autoscaling", "ScalableTarget", "ScalableTarget"),
    ("application-autoscaling", "ScalingPolicy", "ScalingPolicy"),
    ("application-autoscaling", "ScheduledAction", "ScheduledAction"),
]


def leaf(shape, path, within, out):
    kind = shape.type_name
    if kind == "structure" and shape.name not in within:
        for name, member in shape.members.items():
            leaf(member, f"{path}.{name}" if path else name, within | {shape.name}, out)
    elif kind == "list" and shape.member.type_name in ("structure", "list", "map"):
        leaf(shape.member, path + "[]", within, out)
    elif kind == "map":
        leaf(shape.value, path + ".*", within, out)
    elif kind != "structure":
        out.append(path)


lines = [f"botocore {botocore.__version__}"]
for service, structure, name in STRUCTURES:
    model, paths = SESSION.get_service_model(service), []
    leaf(model.shape_for(structure), "", frozenset(), paths)
    lines += ["", name, *paths]
target = pathlib.Path(__file__).resolve().parent.parent / "src/live/model.txt"
target.write_text("\n".join(lines) + "\n")
