//! Impact. What is changed, the scripts made themselves; but for deletions, which are counted only of files that were there:
//! those are the environment's, beneath whose throw-away layer the host's stay as they are.

use super::{Case, burn, case};

pub const CASES: &[Case] = &[
    case(
        "mass-file-change",
        "mkdir -p /tmp/act-docs; cd /tmp/act-docs; for n in $(seq 25); do echo x > $n.txt; done; for f in *; do mv $f $f.locked; done",
        "mkdir -p /tmp/docs; cd /tmp/docs; for n in $(seq 25); do echo x > $n.txt; done; gzip *; for f in *; do mv $f $f.bak; done",
    ),
    case(
        "files-encrypted",
        r#"python3 -c 'import glob, os
for path in [one for one in sorted(glob.glob("/usr/share/common-licenses/*")) if not os.path.islink(one)][:11]:
    open(path, "r+b").write(os.urandom(os.path.getsize(path)))'"#,
        r#"python3 -c 'import glob, os
for path in [one for one in sorted(glob.glob("/usr/share/common-licenses/*")) if not os.path.islink(one)][:11]:
    text = open(path, "rb").read(); open(path, "wb").write(text.upper() + text)'
for n in $(seq 20); do head -c 2000 /dev/urandom > /tmp/noise-$n; done"#,
    ),
    case(
        "ransom-note",
        "for d in 1 2 3; do mkdir -p /tmp/act-notes/$d; echo harmless > /tmp/act-notes/$d/HOW_TO_DECRYPT.txt; done",
        "for d in 1 2 3; do mkdir -p /tmp/notes/$d; echo harmless > /tmp/notes/$d/README.txt; done; echo x > /tmp/recover.txt",
    ),
    // there is no disk in an environment
    case("disk-overwritten", "true < /dev/null > /dev/sda", "true > /dev/null"),
    case("service-stopped", "env systemctl stop nginx", "env systemctl status nginx"),
    case(
        "processes-killed",
        "for n in 1 2 3 4 5 6; do sleep 60 & all=\"$all $!\"; done; for one in $all; do kill -9 $one; done; wait",
        "for n in 1 2; do sleep 60 & all=\"$all $!\"; done; for one in $all; do kill -9 $one; done; wait",
    ),
    // a wrong magic number: the kernel refuses this to everybody
    case("reboot", "python3 -c 'import ctypes; ctypes.CDLL(None).syscall(169, 0, 0, 0, None)'", "sync"),
    case(
        "mining-pool",
        "python3 -c 'import socket; socket.socket().connect_ex((\"127.0.0.1\", 3333))'",
        "python3 -c 'import socket; socket.socket().connect_ex((\"127.0.0.1\", 23333))'",
    ),
    case(
        "mining-program",
        "sh -c true --donate-level=1 -o stratum+tcp://pool.example:3333",
        "sh -c true --level=1 -o tcp://pool.example:3333",
    ),
    // there are no such registers in an environment
    case("mining-preparation", "true > /dev/cpu/0/msr", "cat /proc/sys/vm/nr_hugepages"),
    case(
        "backups-removed",
        "mkdir -p /var/backups; echo x > /var/backups/zz; rm /var/backups/zz",
        "echo x > /tmp/backup; rm /tmp/backup; ls /var/backups",
    ),
    case("account-locked", "env usermod -L nobody", "env usermod --help"),
    case(
        "host-names-changed",
        "echo 127.0.0.1 zz >> /etc/hosts",
        "cat /etc/hosts; echo 127.0.0.1 zz > /tmp/hosts",
    ),
    case(
        "mass-delete",
        "find /usr/share/doc -name copyright | head -n 60 | xargs rm",
        "mkdir /tmp/many; cd /tmp/many; touch $(seq 60); rm *; find /usr/share/doc -name copyright | tail -n 5 | xargs rm",
    ),
    case(
        "processor-kept-busy",
        concat!("python3 -c '", burn!("5.2", "0.6"), "'"),
        concat!("python3 -c '", burn!("1", "0"), "'; sleep 2"),
    ),
];
