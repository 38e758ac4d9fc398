//! Privilege escalation.

use super::{Case, case};

pub const CASES: &[Case] = &[
    case(
        "setuid-bit",
        "cp /bin/true /tmp/act-setuid; chmod 4755 /tmp/act-setuid",
        "mkdir /tmp/shared; chmod 2770 /tmp/shared; chmod 1777 /tmp/shared; cp /bin/true /tmp/plain; chmod 755 /tmp/plain",
    ),
    case(
        "file-capability",
        r#"cp /bin/true /tmp/act-capable; python3 -c 'import os,struct
os.setxattr("/tmp/act-capable", "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))'"#,
        r#"cp /bin/true /tmp/incapable; python3 -c 'import os
os.setxattr("/tmp/incapable", "trusted.note", b"x")'"#,
    ),
    case(
        "root-without-setuid",
        r#"python3 -c 'import os,ctypes,struct
c = ctypes.CDLL(None)
c.prctl(8, 1, 0, 0, 0)
os.setresuid(1000, 1000, 1000)
c.capset(struct.pack("<Ii", 0x20080522, 0), struct.pack("<6I", 1 << 7, 1 << 7, 0, 0, 0, 0))
os.setresuid(0, 0, 0)'"#,
        "python3 -c 'import os; os.setresuid(1000, 1000, 0); os.setresuid(0, 0, 0)'",
    ),
    case(
        "sudoers-changed",
        "mkdir -p /etc/sudoers.d; echo '# none' > /etc/sudoers.d/zz",
        "ls /etc/sudoers.d; echo '# none' > /tmp/sudoers",
    ),
    case("user-namespace", "unshare -U true", "unshare -u true"),
    case(
        "namespace-joined",
        r#"python3 -c 'import os,ctypes
ctypes.CDLL(None).setns(os.open("/proc/self/ns/uts", os.O_RDONLY), 0)'"#,
        "unshare -u true; ls -l /proc/self/ns",
    ),
    // opened, and nothing is written
    case("core-pattern", ": >> /proc/sys/kernel/core_pattern", "cat /proc/sys/kernel/core_pattern"),
    case(
        "cgroup-release-agent",
        "mkdir -p /tmp/act-cgroup; echo /bin/true > /tmp/act-cgroup/release_agent",
        "echo x > /tmp/agent; cat /tmp/agent",
    ),
    case("host-root-through-proc", "cat /proc/1/root/etc/hostname", "cat /proc/self/root/etc/hostname"),
    case(
        "ptrace-injection",
        r#"python3 -c 'import os,ctypes,signal,time
c = ctypes.CDLL(None); c.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
child = os.fork()
if child == 0:
    signal.pause()
c.ptrace(16, child, None, None); os.waitpid(child, 0)
regs = ctypes.create_string_buffer(512)
c.ptrace(12, child, None, regs); c.ptrace(13, child, None, regs)
c.ptrace(17, child, None, None); os.kill(child, 9); os.waitpid(child, 0)'"#,
        r#"python3 -c 'import os,ctypes,signal
c = ctypes.CDLL(None); c.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
child = os.fork()
if child == 0:
    signal.pause()
c.ptrace(16, child, None, None); os.waitpid(child, 0)
regs = ctypes.create_string_buffer(512)
c.ptrace(12, child, None, regs)
c.ptrace(17, child, None, None); os.kill(child, 9); os.waitpid(child, 0)'"#,
    ),
    case(
        "capability-gained",
        r#"cp /bin/true /usr/local/bin/act-able; python3 -c 'import os,struct
os.setxattr("/usr/local/bin/act-able", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0))'
setpriv --reuid 65534 --clear-groups sh -c /usr/local/bin/act-able"#,
        "cp /bin/true /usr/local/bin/unable; setpriv --reuid 65534 --clear-groups sh -c /usr/local/bin/unable",
    ),
    case("memory-written-to", VM_WRITE_OTHER, VM_WRITE_OWN),
    case(
        "proc-mem-written",
        r#"python3 -c 'import os,signal
child = os.fork()
if child == 0:
    signal.pause()
open(f"/proc/{child}/mem", "r+b").close(); os.kill(child, 9); os.waitpid(child, 0)'"#,
        r#"python3 -c 'open("/proc/self/mem", "r+b").close()'"#,
    ),
];

const VM_WRITE_OTHER: &str = r#"python3 -c 'import os,ctypes,signal
c = ctypes.CDLL(None)
class V(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
b = ctypes.create_string_buffer(b"harmless"); v = V(ctypes.cast(b, ctypes.c_void_p), 8)
child = os.fork()
if child == 0:
    signal.pause()
c.process_vm_writev(child, ctypes.byref(v), 1, ctypes.byref(v), 1, 0)
os.kill(child, 9); os.waitpid(child, 0)'"#;

const VM_WRITE_OWN: &str = r#"python3 -c 'import os,ctypes
c = ctypes.CDLL(None)
class V(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
b = ctypes.create_string_buffer(b"harmless"); v = V(ctypes.cast(b, ctypes.c_void_p), 8)
c.process_vm_writev(os.getpid(), ctypes.byref(v), 1, ctypes.byref(v), 1, 0)'"#;
