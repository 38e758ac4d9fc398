"""Watches of the audit system, asked of the events of a run: python3 auditctl.py RULES

RULES has lines as auditctl(8) takes them for files: `-w PATH -p PERMISSIONS -k KEY`, PERMISSIONS being any of r, w, x and a.
The kernel's audit system is one for the whole host, and knows no environment; what its watches would tell is told here by the
same acts: r and w as a file is opened, w also where a name comes, goes or is cut, x where it is executed, a where its
attributes change.
"""

import json
import shlex
import sys

OPENED = {"read": "r", "write": "w", "read_write": "rw"}
CHANGED = {
    **dict.fromkeys(["create", "mkdir", "rmdir", "unlink", "rename", "link", "symlink", "truncate", "mknod"], "w"),
    **dict.fromkeys(["chmod", "chown", "xattr", "utime"], "a"),
}


def watches(path):
    """Path, permissions and key of each rule."""
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        words = shlex.split(line, comments=True)
        options = dict(zip(words[::2], words[1::2]))
        if words and (len(words) % 2 or set(options) - {"-w", "-p", "-k"} or "-w" not in options):
            sys.exit(f"{path}:{number}: not a watch: {line.strip()}")
        if words:
            yield options["-w"].rstrip("/"), options.get("-p", "rwxa"), options.get("-k", options["-w"])


def paths(value):
    """Every path in a part of an event."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str) and name.endswith("path"):
                yield inner
            else:
                yield from paths(inner)


def done(event):
    """The permission that the event used, and on what."""
    family, act = event["kind"].split(".")
    if event["outcome"]["result"] != "success":
        return "", []
    if event["kind"] == "process.exec":
        return "x", list(paths(event["exec"].get("file")))
    if family != "file":
        return "", []
    used = OPENED.get(event["file"].get("access"), "") if act in ("open", "create") else ""
    return used + CHANGED.get(act, ""), list(paths(event["file"]))


rules = list(watches(sys.argv[1]))
for line in sys.stdin:
    event = json.loads(line)
    used, touched = done(event)
    for watched, permissions, key in rules:
        hit = [path for path in touched if path == watched or path.startswith(watched + "/")]
        if hit and set(used) & set(permissions):
            print(json.dumps({"event": event["seq"], "rule": key, "message": hit[0]}))
