"""A stand-in for the program ``docker``, for what script/upgrade decides: containers are rows of a file, and nothing runs.

It says whether the script leaves the right containers and the right image. Whether an engine does what it is told, only
script/try-compose on an engine can tell.
"""

import sys

#: Started some thirty times for an upgrade, so without what Python looks for at its start.
PROGRAM = (
    f"#!{sys.executable} -IS\n"
    + """import json, os, sys
FILE = os.environ["ENGINE"]
state = json.load(open(FILE))
args = sys.argv[1:]
state["calls"].append(" ".join(args))

def save(code=0):
    json.dump(state, open(FILE, "w"))
    sys.exit(code)

def image_of(service):
    return "pitboss:local" if service not in ("postgres", "redis", "proxy") else service

def make(service):
    state["made"] += 1
    image = state["images"][image_of(service)]
    state["containers"][f"{service}-{state['made']}"] = {"service": service, "image": image,
        "health": "unhealthy" if image in state["broken"] and service in state["breaks"] else "healthy"}

def of(service):
    return [name for name, each in state["containers"].items() if each["service"] == service]

if args[0] == "tag":
    state["images"][args[2]] = state["images"].get(args[1], args[1])
    save()
if args[0] == "inspect":
    found = state["containers"].get(args[-1])
    if found is None:
        save(1)
    print(found["health"] if "Health" in args[2] else state["started"] if "StartedAt" in args[2] else found["image"])
    save()
if args[:2] == ["image", "inspect"]:
    print(state["images"].get(args[-1], ""))
    save()
if args[:2] == ["image", "rm"]:
    state["removed"].append(args[2])
    save()
if args[0] in ("rm", "stop"):
    for name in args[1:]:
        if args[0] == "rm":
            state["containers"].pop(name, None)
    save()
if args[0] == "ps":
    print("\\n".join(of("web")))
    save()
if args[0] == "logs":
    print("what it said")
    save()
assert args[0] == "compose", args
rest = args[1:]
if rest[0] == "config":
    if "--services" in rest:
        print("\\n".join(state["services"]))
    elif rest == ["config"]:
        print("name: pitboss")
    elif rest[-1] == "postgres":
        print("postgres:17")
    else:  # in any order, and of a service those of its dependencies as well
        print("valkey/valkey:8\\npostgres:17\\npitboss:local\\npitboss:local")
    save()
if rest[0] == "ps":
    print("\\n".join(of(rest[-1])))
    save()
if rest[0] == "rm":
    for name in of(rest[-1]):
        del state["containers"][name]
    save()
if rest[0] == "build":
    state["images"]["pitboss:local"] = state["next"]
    save()
if rest[0] == "exec":
    if "PG_VERSION" in rest[-1]:
        print(state["postgres"])
    elif rest[-1].endswith("Caddyfile"):
        print(state["caddyfile"], end="")
    elif "pg_dump" in rest:
        print("a dump")
    save()
if rest[0] == "run" and "--name" in rest:
    image = state["images"]["pitboss:local"]
    state["containers"][rest[rest.index("--name") + 1]] = {"service": "web on trial", "image": image,
        "health": "unhealthy" if image in state["broken"] and "web on trial" in state["breaks"] else "healthy"}
    if state["interrupted"] == "web on trial":
        json.dump(state, open(FILE, "w"))
        os.kill(os.getppid(), 2)
        sys.exit(130)
    save()
if rest[0] == "run":
    save(1 if state["migration_fails"] and "migrate" in rest else 0)
if rest[0] == "up":
    service = rest[-1]
    scale = next((int(each.partition("=")[2]) for each in rest if each.startswith("web=")), None)
    wanted = scale if scale and service == "web" else max(len(of(service)), 1)
    if "--no-recreate" not in rest:
        image = state["images"][image_of(service)]
        for name in of(service):
            if "--force-recreate" in rest or state["containers"][name]["image"] != image:
                del state["containers"][name]
    while len(of(service)) < wanted:
        make(service)
    for name in of(service)[wanted:]:
        del state["containers"][name]
    if state["interrupted"] == service and "new" == state["images"][image_of(service)]:
        state["interrupted"] = ""
        json.dump(state, open(FILE, "w"))
        os.kill(os.getppid(), 2)
        sys.exit(130)
    bad = "--wait" in rest and any(state["containers"][name]["health"] != "healthy" for name in of(service))
    save(1 if bad else 0)
save(2)
"""
)
