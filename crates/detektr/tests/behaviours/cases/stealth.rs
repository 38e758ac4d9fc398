//! Stealth.

use super::{Case, case};

pub const CASES: &[Case] = &[
    case(
        "memory-only-program",
        r#"python3 -c 'import os
fd = os.memfd_create("x"); os.write(fd, open("/bin/true", "rb").read()); os.execve(fd, ["x"], {})'"#,
        r#"python3 -c 'import os
fd = os.memfd_create("x"); os.write(fd, open("/bin/true", "rb").read())'"#,
    ),
    case(
        "deleted-program",
        r#"cp /bin/true /tmp/act-gone; python3 -c 'import os
fd = os.open("/tmp/act-gone", os.O_RDONLY); os.unlink("/tmp/act-gone"); os.execve(fd, ["x"], {})'"#,
        r#"python3 -c 'import os
fd = os.open("/bin/true", os.O_RDONLY); os.execve(fd, ["x"], {})'"#,
    ),
    case(
        "program-in-shared-memory",
        "cp /bin/true /dev/shm/act-program; /dev/shm/act-program",
        "cp /bin/true /dev/shm/data; /bin/true /dev/shm/data",
    ),
    case(
        "program-by-descriptor",
        r#"python3 -c 'import os
fd = os.open("/bin/true", os.O_RDONLY); os.set_inheritable(fd, True); os.execv(f"/proc/self/fd/{fd}", ["x"])'"#,
        "python3 -c 'import os; os.execv(\"/bin/true\", [\"x\"])'",
    ),
    case(
        "hidden-program",
        "cp /bin/true /tmp/.act-hidden; /tmp/.act-hidden",
        "mkdir /tmp/.folder; cp /bin/true /tmp/.folder/shown; /tmp/.folder/shown",
    ),
    case("deceptive-folder-name", "mkdir '/tmp/...'", "mkdir /tmp/.cache /tmp/a..b"),
    case(
        "kernel-thread-name",
        "python3 -c 'import ctypes; ctypes.CDLL(None).prctl(15, b\"kworker/0:1\")'",
        "python3 -c 'import ctypes; ctypes.CDLL(None).prctl(15, b\"worker/0\")'",
    ),
    case(
        "process-name-forged",
        "python3 -c 'import os; os.execv(\"/bin/true\", [\"[kworker/u8:0]\"])'",
        "python3 -c 'import os; os.execv(\"/bin/true\", [\"my-own-name\"])'",
    ),
    case(
        "system-name-elsewhere",
        "mkdir -p /tmp/act-names; cp /bin/true /tmp/act-names/sshd; /tmp/act-names/sshd",
        "mkdir -p /tmp/names; cp /bin/true /tmp/names/helper; /tmp/names/helper",
    ),
    case(
        "space-after-name",
        "cp /bin/true '/tmp/act '; '/tmp/act '",
        "cp /bin/true '/tmp/two words'; '/tmp/two words'",
    ),
    case(
        "double-ending",
        "printf '#!/bin/sh\\n' > /tmp/cv.pdf.sh; chmod +x /tmp/cv.pdf.sh; /tmp/cv.pdf.sh",
        "printf '#!/bin/sh\\n' > /tmp/cv.v2.sh; chmod +x /tmp/cv.v2.sh; /tmp/cv.v2.sh",
    ),
    case("decoded-base64", "echo aGFybWxlc3M= | base64 -d", "echo harmless | base64"),
    case("ignores-hangup", "nohup true", "trap '' HUP; /bin/true"),
    case("long-sleep", "timeout 0.01 sleep 3600", "sleep 0.01; timeout 0.01 sleep 20"),
    case(
        "process-hidden-by-mount",
        "mkdir -p /tmp/act-empty; mount --bind /tmp/act-empty /proc/$$",
        "mkdir -p /tmp/mount; mount -t tmpfs none /tmp/mount",
    ),
    case(
        "bpf-program",
        "python3 -c 'import ctypes; ctypes.CDLL(None).syscall(321, 5, bytes(128), 128)'",
        "python3 -c 'import ctypes; ctypes.CDLL(None).syscall(321, 1, bytes(128), 128)'",
    ),
    case(
        "kernel-module",
        "python3 -c 'import ctypes; ctypes.CDLL(None).syscall(175, None, 0, b\"\")'",
        "ls /lib/modules",
    ),
    case("raw-disk", "cat /dev/sda", "head -c 1 /dev/zero"),
    case("device-node", "mknod /tmp/act-disk b 8 0", "mkfifo /tmp/fifo"),
    case("preload-variable", "LD_PRELOAD=/tmp/none.so true", "LD_LIBRARY_PATH=/tmp true"),
    case("preload-file", ": > /etc/ld.so.preload", "cat /etc/ld.so.preload /etc/ld.so.conf"),
    case(
        "sandbox-probe",
        "cat /.dockerenv /proc/1/cgroup /sys/class/dmi/id/product_name /proc/scsi/scsi",
        "cat /proc/cpuinfo /proc/1/cgroup /proc/meminfo",
    ),
    case("history-cleared", "rm -f /root/.bash_history", "echo x > /tmp/history; rm /tmp/history"),
    case("history-emptied", ": > /root/.zsh_history", "echo x >> /root/.zsh_history_notes; : > /tmp/history"),
    case(
        "self-delete",
        "printf '#!/bin/sh\\nrm -- \"$0\"\\n' > /tmp/act-self; chmod +x /tmp/act-self; /tmp/act-self",
        "printf '#!/bin/sh\\nrm -- /tmp/other\\n' > /tmp/self; touch /tmp/other; chmod +x /tmp/self; /tmp/self",
    ),
    case(
        "timestomp",
        "echo x > /tmp/act-old; touch -d 2001-01-01 /tmp/act-old",
        "touch -d 2001-01-01 /tmp/old; cp -p /tmp/old /tmp/older; tar -C /tmp -cf /tmp/old.tar old; rm /tmp/old; tar -C /tmp -xf \
         /tmp/old.tar; touch /tmp/old.tar",
    ),
    case(
        "daemonised",
        r#"python3 -c 'import os,time
parent = os.getpid()
if os.fork() == 0:
    os.setsid()
    while os.getppid() == parent:
        time.sleep(0.001)'"#,
        r#"python3 -c 'import os
child = os.fork()
if child == 0:
    os.setsid()
    os._exit(0)
os.waitpid(child, 0)'"#,
    ),
    case(
        "debugger-check",
        "python3 -c 'import ctypes; ctypes.CDLL(None).ptrace(0, 0, None, None)'",
        r#"python3 -c 'import os,ctypes
c = ctypes.CDLL(None)
child = os.fork()
if child == 0:
    c.ptrace(0, 0, None, None); os.execv("/bin/true", ["true"])
os.waitpid(child, 0); c.ptrace(17, child, None, None); os.waitpid(child, 0)'"#,
    ),
    case("compiler-run", "echo 'int x;' > /tmp/act.c; cc -c -o /tmp/act.o /tmp/act.c", "cc --version"),
];
