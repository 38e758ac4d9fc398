"""The smallest engine: tells of files that were opened and whose path ends as its argument does.

python3 opened.py ENDING
"""

import json
import sys

for line in sys.stdin:
    event = json.loads(line)
    path = event.get("file", {}).get("path")
    if event["kind"] == "file.open" and event["outcome"]["result"] == "success" and isinstance(path, str):
        if path.endswith(sys.argv[1]):
            print(json.dumps({"event": event["seq"], "message": path}))
