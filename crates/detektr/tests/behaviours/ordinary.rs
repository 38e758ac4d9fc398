//! Ordinary programs raise nothing above informational.

use crate::run::Place;
use libtest_mimic::{Failed, Trial};
use std::process::Command;
use std::sync::{Arc, OnceLock};

/// One ordinary program: its name, the tool that it needs, and shell commands.
struct Ordinary {
    name: &'static str,
    tool: &'static str,
    script: &'static str,
}

const fn ordinary(name: &'static str, tool: &'static str, script: &'static str) -> Ordinary {
    Ordinary { name, tool, script }
}

const ALL: &[Ordinary] = &[
    ordinary(
        "a build with gcc",
        "gcc",
        "mkdir b1; cd b1; echo 'int main(void){return 0;}' > a.c; gcc -O2 -o a a.c; ./a",
    ),
    ordinary(
        "a build with make",
        "make",
        "mkdir b2; cd b2; echo 'int main(void){return 0;}' > a.c; printf 'a: a.c\\n\\tcc -o a a.c\\nclean:\\n\\trm -f a\\n' > Makefile; make; ./a; make clean",
    ),
    ordinary(
        "a build with cmake",
        "cmake",
        "mkdir b3; cd b3; echo 'int main(void){return 0;}' > a.c; printf 'cmake_minimum_required(VERSION 3.10)\\nproject(a C)\\nadd_executable(a a.c)\\n' > CMakeLists.txt; cmake . && cmake --build .",
    ),
    ordinary(
        "git commit and clone",
        "git",
        "export HOME=/tmp/h; mkdir h; git init -q r; cd r; git config user.email a@b; git config user.name a; echo x > x; git add x; git commit -qm x; cd ..; git clone -q r c; cd c; git log; git status",
    ),
    ordinary(
        "pip install of a wheel",
        "pip3",
        "mkdir w; cd w; python3 -c \"import zipfile; z = zipfile.ZipFile('zz-1.0-py3-none-any.whl', 'w'); z.writestr('zz.py', 'x = 1'); z.writestr('zz-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: zz\\nVersion: 1.0\\n'); z.writestr('zz-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'); z.writestr('zz-1.0.dist-info/RECORD', '')\"; pip3 install --no-index --no-deps --target t ./zz-1.0-py3-none-any.whl",
    ),
    ordinary(
        "tar",
        "tar",
        "mkdir t1; cp -r /etc/default t1; tar -czf t1.tgz t1; rm -r t1; tar -xzf t1.tgz; tar -tzf t1.tgz",
    ),
    ordinary(
        "a Python program",
        "python3",
        "python3 -c 'import json, os, subprocess, tempfile; f = tempfile.NamedTemporaryFile(); f.write(b\"x\"); print(json.dumps(os.listdir(\"/etc\"))); subprocess.run([\"ls\"])'",
    ),
    ordinary(
        "threads and processes of Python",
        "python3",
        "python3 -c 'import multiprocessing as m; print(m.Pool(2).map(abs, range(50)))'",
    ),
    ordinary("apt-get --simulate", "apt-get", "apt-get --simulate install coreutils"),
    ordinary("find over everything", "find", "find / -xdev -name '*.conf'"),
    ordinary("sshd -t", "sshd", "mkdir -p /run/sshd; ssh-keygen -q -N '' -f k; /usr/sbin/sshd -t -h /tmp/k"),
    ordinary("cron -f", "cron", "timeout 1 cron -f"),
    ordinary(
        "sed and awk",
        "sed",
        "sed -n 1,5p /etc/services; awk -F: '{print $1}' /etc/group; echo a > s; sed -i s/a/b/ s",
    ),
    ordinary("grep -r", "grep", "grep -r localhost /etc"),
    ordinary("ls -lR", "ls", "ls -lR /etc /usr/share/doc"),
    ordinary(
        "gzip, bzip2 and xz",
        "gzip",
        "mkdir z; cd z; for n in $(seq 30); do echo x > $n.txt; done; gzip *; gunzip *; xz 1.txt; bzip2 2.txt",
    ),
    ordinary(
        "openssl",
        "openssl",
        "openssl dgst -sha256 /etc/hostname; openssl genpkey -algorithm ed25519 -out e.pem; openssl rand -hex 8",
    ),
    ordinary(
        "node",
        "node",
        "node -e 'require(\"fs\").writeFileSync(\"n\", \"x\"); console.log(require(\"child_process\").execSync(\"ls\").toString())'",
    ),
    ordinary(
        "perl",
        "perl",
        "perl -e 'open F, \">\", \"p\"; print F \"x\"; system(\"ls\"); print join \" \", sort keys %ENV'",
    ),
    ordinary("ldconfig -p", "ldconfig", "ldconfig -p"),
    ordinary("dpkg", "dpkg", "dpkg -l; dpkg -S /bin/ls; dpkg --get-selections"),
    ordinary("ssh-keygen", "ssh-keygen", "ssh-keygen -q -t ed25519 -N '' -f key; ssh-keygen -lf key.pub"),
    ordinary(
        "sqlite",
        "sqlite3",
        "sqlite3 d.db 'create table t(x); insert into t values (1); select * from t'",
    ),
    ordinary("cargo", "cargo", "cargo --version"),
    ordinary(
        "text tools",
        "sort",
        "sort /etc/services | uniq -c | head; cut -d: -f1 /etc/group | tr a-z A-Z | wc; diff /etc/hostname /etc/hosts",
    ),
    ordinary(
        "copies",
        "cp",
        "cp -a /usr/share/doc/bash d1; cp -p /etc/hosts h1; ln -s h1 h2; mv h1 h3; install -m 755 /bin/true i1; rm -r d1",
    ),
    ordinary(
        "dates and sums",
        "date",
        "date; cal; sha256sum /etc/hostname; md5sum /etc/hosts; seq 5; expr 1 + 1",
    ),
    ordinary("ps and top", "ps", "ps aux; top -bn1; uptime; free; df; du -s /etc"),
    ordinary(
        "a shell script",
        "bash",
        "bash -c 'for i in 1 2 3; do echo $i; done; f() { local x=1; }; f; trap \"\" TERM; read x < /etc/hostname; (sleep 0.1 &) ; wait; mktemp; umask 077; cat <<< hi'",
    ),
    ordinary("a patch", "patch", "printf 'a\\n' > o; printf 'b\\n' > n; diff -u o n > p1; patch o p1"),
    ordinary("zip", "zip", "echo x > zipped; zip q.zip zipped; unzip -l q.zip; rm zipped; unzip q.zip"),
    ordinary("groff and man", "man", "man -P cat ls"),
    ordinary("rsync of folders", "rsync", "rsync -a /usr/share/doc/bash/ rs/"),
    ordinary(
        "binary tools",
        "objdump",
        "objdump -d /bin/true; readelf -a /bin/true; nm -D /bin/true; strings /bin/true",
    ),
    ordinary(
        "a package that is built",
        "dpkg-deb",
        "mkdir -p pk/DEBIAN pk/usr/share/zz; printf 'Package: zz\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b>\\nDescription: x\\n' > pk/DEBIAN/control; echo x > pk/usr/share/zz/x; dpkg-deb -b pk zz.deb; dpkg-deb -c zz.deb; dpkg-deb -x zz.deb out",
    ),
];

/// So many must have run for the result to mean anything.
const ENOUGH: usize = 25;

/// One trial for each program; they share one detonation.
pub fn trials() -> Vec<Trial> {
    let shared: Arc<OnceLock<Result<crate::Run, String>>> = Arc::default();
    let mut trials = Vec::new();
    let mut able = 0;
    for one in ALL {
        if !there(one.tool) {
            eprintln!("skipped: no {} ({})", one.tool, one.name);
            continue;
        }
        able += 1;
        let shared = shared.clone();
        trials.push(Trial::test(format!("ordinary::{}", one.name.replace(' ', "_")), move || {
            check(one, &shared)
        }));
    }
    if able < ENOUGH {
        eprintln!("skipped: only {able} of the {ENOUGH} ordinary programs wanted are installed");
    }
    trials
}

fn there(tool: &str) -> bool {
    let mut asked = Command::new("/bin/sh");
    // the path that an environment has
    asked.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    asked.args(["-c", "command -v \"$1\"", "sh", tool]).output().is_ok_and(|output| output.status.success())
}

fn check(one: &Ordinary, shared: &OnceLock<Result<crate::Run, String>>) -> Result<(), Failed> {
    let run = shared.get_or_init(|| {
        let mut script = String::from("#!/bin/sh\ncd /tmp\n");
        for one in ALL.iter().filter(|one| there(one.tool)) {
            let quoted = one.script.replace('\'', r"'\''");
            script.push_str(&format!(
                "sh -c '{quoted}' 'ordinary:{}' > /dev/null 2>&1 < /dev/null\n",
                one.name
            ));
        }
        script.push_str("exit 0\n");
        Place::new().script("root", &script)
    });
    let run = run.as_ref().map_err(|why| Failed::from(why.clone()))?;
    let mark = format!("ordinary:{}", one.name);
    if run.processes(&mark).is_empty() {
        return Err("it did not run".into());
    }
    let wrong: Vec<_> = run
        .findings
        .iter()
        .filter(|finding| finding["level"] != "informational" && run.proves(finding, &mark))
        .map(|finding| format!("{}: {}", finding["id"], finding["sentence"]))
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
