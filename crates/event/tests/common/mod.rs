//! Any event at all: strategies for every kind.

use detektr_event::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

/// Any bytes, UTF-8 or not.
pub fn text() -> impl Strategy<Value = Text> {
    prop_oneof![".{0,12}".prop_map(Text::from), vec(any::<u8>(), 0..12).prop_map(Text::from)]
}

fn word() -> impl Strategy<Value = String> {
    "[A-Za-z_/0-9.]{0,10}"
}

fn words() -> impl Strategy<Value = Vec<String>> {
    vec(word(), 0..3)
}

fn reason() -> impl Strategy<Value = Unreadable> {
    prop_oneof![
        Just(Unreadable::NotResident),
        Just(Unreadable::BadAddress),
        Just(Unreadable::Gone),
        Just(Unreadable::NotCopied),
    ]
}

fn copied() -> BoxedStrategy<Copied> {
    prop_oneof![
        text().prop_map(Copied::Whole),
        (text(), any::<u64>()).prop_map(|(text, truncated)| Copied::Truncated { text, truncated }),
        reason().prop_map(Copied::from),
    ]
    .boxed()
}

prop_compose! {
    fn wide_file_path()(
        path in copied(), given in of(copied()), base in of(copied()), resolved: bool,
        provenance in prop_oneof![
            Just(Provenance::KernelObject), Just(Provenance::KernelCopy),
            Just(Provenance::UserMemory), Just(Provenance::Procfs),
        ],
        dev: Option<u64>, ino: Option<u64>, fs in of(word()),
        root in of((any::<u64>(), of(copied()))), unlinked: bool,
    ) -> FilePath {
        let path_root = root.map(|(mount_namespace, root)| PathRoot { mount_namespace, root });
        FilePath { path, given, base, resolved, provenance, dev, ino, fs, path_root, unlinked }
    }
}

fn file_path() -> BoxedStrategy<FilePath> {
    wide_file_path().boxed()
}

prop_compose! {
    fn process_id()(start: u64, pid: u32, execs: u32) -> ProcessId {
        ProcessId::new(start, pid, execs)
    }
}

fn capabilities() -> impl Strategy<Value = CapabilitySets> {
    any::<[u64; 5]>().prop_map(|[inheritable, permitted, effective, bounding, ambient]| CapabilitySets {
        inheritable,
        permitted,
        effective,
        bounding,
        ambient,
    })
}

fn credentials() -> BoxedStrategy<Credentials> {
    (any::<[u32; 8]>(), capabilities())
        .prop_map(|([uid, euid, suid, fsuid, gid, egid, sgid, fsgid], capabilities)| Credentials {
            uid,
            euid,
            suid,
            fsuid,
            gid,
            egid,
            sgid,
            fsgid,
            capabilities,
        })
        .boxed()
}

fn access() -> impl Strategy<Value = Access> {
    prop_oneof![Just(Access::Read), Just(Access::Write), Just(Access::ReadWrite), Just(Access::Path)]
}

fn ip() -> impl Strategy<Value = std::net::IpAddr> {
    prop_oneof![any::<[u8; 4]>().prop_map(Into::into), any::<[u8; 16]>().prop_map(Into::into)]
}

fn local_end() -> impl Strategy<Value = LocalEnd> {
    (any::<(u16, u16)>(), ip()).prop_map(|((protocol, port), address)| LocalEnd { protocol, address, port })
}

fn flow() -> impl Strategy<Value = FlowRef> {
    let attribution = prop_oneof![
        Just(Attribution::Connect),
        Just(Attribution::Send),
        Just(Attribution::Bind),
        Just(Attribution::Peer),
        Just(Attribution::Unknown),
    ];
    (any::<(u64, u16, u16)>(), word(), ip(), ip(), attribution).prop_map(
        |((id, near, far), protocol, local, remote, attribution)| FlowRef {
            id,
            protocol,
            local: End { address: local, port: near },
            remote: End { address: remote, port: far },
            attribution,
        },
    )
}

fn body() -> impl Strategy<Value = Body> {
    (any::<(u64, bool, bool)>(), word()).prop_map(|((size, stored, cut), sha256)| Body {
        size,
        sha256,
        stored,
        cut,
    })
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        (any::<[u8; 4]>(), any::<u16>())
            .prop_map(|(address, port)| Address::Inet { address: address.into(), port }),
        (any::<[u8; 16]>(), any::<u16>(), any::<u32>()).prop_map(|(address, port, scope)| Address::Inet6 {
            address: address.into(),
            port,
            scope
        }),
        (copied(), any::<bool>()).prop_map(|(path, abstract_name)| Address::Unix { path, abstract_name }),
        any::<(u32, u32)>().prop_map(|(pid, groups)| Address::Netlink { pid, groups }),
        any::<(u16, i32)>().prop_map(|(protocol, interface)| Address::Packet { protocol, interface }),
        any::<(u32, u32)>().prop_map(|(cid, port)| Address::Vsock { cid, port }),
        (any::<u16>(), word()).prop_map(|(number, raw)| Address::Other { number, raw }),
        reason().prop_map(|reason| Address::Unread { reason }),
    ]
}

prop_compose! {
    fn exec()(
        file in file_path(), interpreter in of(copied()), argv in vec(copied(), 0..3), env in vec(copied(), 0..3),
        incomplete in of(word()), cwd in file_path(), parent in of(process_id()), ppid: u32,
        credentials in credentials(), stdio in [of(copied()), of(copied()), of(copied())],
        sha256 in prop_oneof![
            "[0-9a-f]{64}".prop_map(Sha256::Hash), word().prop_map(|absent| Sha256::Absent { absent }),
        ],
        flags: [bool; 3],
    ) -> Exec {
        let interpreter = interpreter.map(|path| Interpreter { path });
        let [memfd, deleted, by_thread] = flags;
        Exec {
            file, interpreter, argv, env, incomplete, cwd, parent, ppid, credentials, stdio, sha256, memfd, deleted,
            by_thread,
        }
    }
}

fn attributes() -> impl Strategy<Value = Attributes> {
    (file_path(), any::<(Option<u32>, Option<u32>, Option<u32>)>(), any::<Option<[u32; 2]>>())
        .prop_map(|(path, (mode, uid, gid), device)| Attributes { path, mode, uid, gid, device })
}

fn path_only() -> impl Strategy<Value = PathOnly> {
    file_path().prop_map(|path| PathOnly { path })
}

fn link() -> impl Strategy<Value = Box<Link>> {
    (file_path(), of(file_path()), of(copied()))
        .prop_map(|(path, source, target)| Box::new(Link { path, source, target }))
}

fn socket() -> impl Strategy<Value = Socket> {
    (word(), word(), any::<i32>(), any::<Option<i32>>(), any::<bool>()).prop_map(
        |(domain, socket_type, protocol, fd, pair)| Socket { domain, socket_type, protocol, fd, pair },
    )
}

/// The content of an event of `kind`.
pub fn detail(kind: Kind) -> BoxedStrategy<Detail> {
    match kind {
        Kind::ProcessFork => (process_id(), any::<(u32, u32, bool, bool)>(), words())
            .prop_map(|(child, (pid, tid, thread, io_worker), flags)| Detail::ProcessFork {
                fork: Fork { child, pid, tid, flags, thread, io_worker },
            })
            .boxed(),
        Kind::ProcessExec => exec().prop_map(|exec| Detail::ProcessExec { exec: Box::new(exec) }).boxed(),
        Kind::ProcessExit => (any::<Option<u8>>(), of(word()), any::<(bool, bool, Option<u64>)>())
            .prop_map(|(code, signal, (core, thread, cpu_ns))| Detail::ProcessExit {
                exit: Exit { code, signal, core, thread, cpu_ns },
            })
            .boxed(),
        Kind::ProcessCredentials => (word(), credentials(), credentials(), vec(any::<u32>(), 0..3))
            .prop_map(|(call, old, new, asked)| Detail::ProcessCredentials {
                credentials: Box::new(CredentialsChange { call, old, new, asked }),
            })
            .boxed(),
        Kind::ProcessNamespace => (word(), words())
            .prop_map(|(call, flags)| Detail::ProcessNamespace { namespace: Namespace { call, flags } })
            .boxed(),
        Kind::ProcessPtrace => (word(), any::<i64>())
            .prop_map(|(request, target)| Detail::ProcessPtrace { ptrace: Ptrace { request, target } })
            .boxed(),
        Kind::ProcessMemoryWrite => (word(), any::<Option<i64>>(), any::<Option<u64>>())
            .prop_map(|(via, target, bytes)| Detail::ProcessMemoryWrite {
                memory_write: MemoryWrite { via, target, bytes },
            })
            .boxed(),
        Kind::ProcessMemoryExec => (word(), any::<(u64, u64)>(), words(), of(file_path()))
            .prop_map(|(call, (address, length), protection, file)| Detail::ProcessMemoryExec {
                memory_exec: MemoryExec { call, address, length, protection, file },
            })
            .boxed(),
        Kind::ProcessSignal => (word(), word(), any::<i64>())
            .prop_map(|(signal, call, target)| Detail::ProcessSignal {
                signal: Signal { signal, call, target },
            })
            .boxed(),
        Kind::ProcessSession => {
            word().prop_map(|call| Detail::ProcessSession { session: Session { call } }).boxed()
        }
        Kind::ProcessRename => {
            copied().prop_map(|name| Detail::ProcessRename { rename: ProcessRename { name } }).boxed()
        }
        Kind::ProcessChdir => {
            file_path().prop_map(|directory| Detail::ProcessChdir { chdir: Chdir { directory } }).boxed()
        }
        Kind::ProcessChroot => {
            file_path().prop_map(|directory| Detail::ProcessChroot { chroot: Chdir { directory } }).boxed()
        }
        Kind::ProcessSeccomp => (word(), words(), any::<Option<u16>>())
            .prop_map(|(mode, flags, instructions)| Detail::ProcessSeccomp {
                seccomp: SeccompFilter { mode, flags, instructions },
            })
            .boxed(),
        Kind::ProcessArgumentRace => (word(), copied(), copied())
            .prop_map(|(call, at_entry, at_return)| Detail::ProcessArgumentRace {
                argument_race: ArgumentRace { call, at_entry, at_return },
            })
            .boxed(),
        Kind::FileOpen => (file_path(), words(), access(), any::<Option<i32>>())
            .prop_map(|(path, flags, access, fd)| Detail::FileOpen { file: Open { path, flags, access, fd } })
            .boxed(),
        Kind::FileCreate => (file_path(), words(), access(), any::<(u32, Option<i32>, bool)>())
            .prop_map(|(path, flags, access, (mode, fd, certain))| Detail::FileCreate {
                file: Create { path, flags, access, mode, fd, certain },
            })
            .boxed(),
        Kind::FileWrite => (file_path(), any::<(u64, u64, u64, bool)>())
            .prop_map(|(path, (bytes, calls, read_bytes, mapped))| Detail::FileWrite {
                file: Write { path, bytes, calls, read_bytes, mapped },
            })
            .boxed(),
        Kind::FileRename => (file_path(), file_path(), words())
            .prop_map(|(path, to, flags)| Detail::FileRename { file: Box::new(Rename { path, to, flags }) })
            .boxed(),
        Kind::FileUnlink => path_only().prop_map(|file| Detail::FileUnlink { file }).boxed(),
        Kind::FileMkdir => attributes().prop_map(|file| Detail::FileMkdir { file }).boxed(),
        Kind::FileRmdir => path_only().prop_map(|file| Detail::FileRmdir { file }).boxed(),
        Kind::FileMknod => attributes().prop_map(|file| Detail::FileMknod { file }).boxed(),
        Kind::FileLink => link().prop_map(|file| Detail::FileLink { file }).boxed(),
        Kind::FileSymlink => link().prop_map(|file| Detail::FileSymlink { file }).boxed(),
        Kind::FileChmod => attributes().prop_map(|file| Detail::FileChmod { file }).boxed(),
        Kind::FileChown => attributes().prop_map(|file| Detail::FileChown { file }).boxed(),
        Kind::FileTruncate => (file_path(), word(), any::<i64>())
            .prop_map(|(path, call, length)| Detail::FileTruncate { file: Truncate { path, call, length } })
            .boxed(),
        Kind::FileUtime => (file_path(), any::<[Option<i64>; 2]>())
            .prop_map(|(path, times)| Detail::FileUtime { file: Utime { path, times } })
            .boxed(),
        Kind::FileXattr => (file_path(), word(), copied(), any::<Option<u64>>())
            .prop_map(|(path, call, name, size)| Detail::FileXattr { file: Xattr { path, call, name, size } })
            .boxed(),
        Kind::FileMount => (file_path(), word(), of(copied()), of(copied()), words())
            .prop_map(|(path, call, source, filesystem, flags)| Detail::FileMount {
                file: Mount { path, call, source, filesystem, flags },
            })
            .boxed(),
        Kind::FileUmount => (file_path(), words())
            .prop_map(|(path, flags)| Detail::FileUmount { file: Umount { path, flags } })
            .boxed(),
        Kind::FilePivotRoot => (file_path(), file_path())
            .prop_map(|(path, put_old)| Detail::FilePivotRoot { file: Box::new(PivotRoot { path, put_old }) })
            .boxed(),
        Kind::FileMemfdCreate => (copied(), words(), any::<Option<i32>>())
            .prop_map(|(name, flags, fd)| Detail::FileMemfdCreate { file: Memfd { name, flags, fd } })
            .boxed(),
        Kind::FileStat => path_only().prop_map(|file| Detail::FileStat { file }).boxed(),
        Kind::FileReadlink => path_only().prop_map(|file| Detail::FileReadlink { file }).boxed(),
        Kind::FileAccess => path_only().prop_map(|file| Detail::FileAccess { file }).boxed(),
        Kind::NetworkSocket => socket().prop_map(|network| Detail::NetworkSocket { network }).boxed(),
        Kind::NetworkRawSocket => socket().prop_map(|network| Detail::NetworkRawSocket { network }).boxed(),
        Kind::NetworkBind => (any::<i32>(), address(), of(local_end()))
            .prop_map(|(fd, address, local)| Detail::NetworkBind { network: Bind { fd, address, local } })
            .boxed(),
        Kind::NetworkListen => any::<(i32, i32)>()
            .prop_map(|(fd, backlog)| Detail::NetworkListen { network: Listen { fd, backlog } })
            .boxed(),
        Kind::NetworkConnect => (any::<i32>(), address(), of(local_end()))
            .prop_map(|(fd, address, local)| Detail::NetworkConnect {
                network: Connect { fd, address, local },
            })
            .boxed(),
        Kind::NetworkAccept => (any::<(i32, Option<i32>)>(), of(address()))
            .prop_map(|((fd, accepted), address)| Detail::NetworkAccept {
                network: Accept { fd, accepted, address },
            })
            .boxed(),
        Kind::NetworkSend => (any::<i32>(), address(), of(local_end()), any::<Option<u64>>(), word())
            .prop_map(|(fd, address, local, sent, call)| Detail::NetworkSend {
                network: Send { fd, address, local, sent, call },
            })
            .boxed(),
        Kind::NetworkDns => (flow(), word(), word(), any::<bool>())
            .prop_map(|(flow, name, code, site)| {
                let answer = DnsAnswer { kind: "A".into(), data: name.clone() };
                let (name, query) = (name.into(), "A".into());
                Detail::NetworkDns {
                    network: Box::new(Dns { flow, name, query, code, answers: vec![answer], site }),
                }
            })
            .boxed(),
        Kind::NetworkHttp => (flow(), word(), word(), any::<(bool, u16)>(), of(body()), of(body()))
            .prop_map(|(flow, method, target, (secure, status), request_body, response_body)| {
                let header = Header { name: "host".into(), value: target.clone().into() };
                Detail::NetworkHttp {
                    network: Box::new(Http {
                        flow,
                        secure,
                        version: "HTTP/1.1".into(),
                        method,
                        host: target.clone().into(),
                        target: target.into(),
                        request_headers: vec![header.clone()],
                        request_body,
                        status,
                        response_headers: vec![header],
                        response_body,
                        site: secure,
                    }),
                }
            })
            .boxed(),
        Kind::NetworkTls => (flow(), of(word()), words(), any::<bool>())
            .prop_map(|(flow, word, versions, decrypted)| Detail::NetworkTls {
                network: Box::new(Tls {
                    flow,
                    server_name: word.clone().map(Into::into),
                    alpn: word.iter().map(|w| w.as_str().into()).collect(),
                    versions,
                    ja3: word.clone(),
                    ja4: word.clone(),
                    version: word.clone(),
                    cipher: word.clone(),
                    protocol: word.clone().map(Into::into),
                    decrypted,
                    pinned: !decrypted,
                    failure: word,
                }),
            })
            .boxed(),
        Kind::NetworkFlow => (flow(), word(), any::<[u64; 5]>(), of(any::<Vec<u8>>()), word())
            .prop_map(
                |(flow, service, [duration_ns, bytes_out, bytes_in, packets_out, packets_in], first, end)| {
                    let first = first.map(Into::into);
                    Detail::NetworkFlow {
                        network: Box::new(Flow {
                            flow,
                            service,
                            duration_ns,
                            bytes_out,
                            bytes_in,
                            packets_out,
                            packets_in,
                            first_out: first.clone(),
                            first_in: first,
                            end,
                        }),
                    }
                },
            )
            .boxed(),
        Kind::KernelModuleLoad => (word(), of(file_path()), of(copied()))
            .prop_map(|(call, file, parameters)| Detail::KernelModuleLoad {
                module_load: ModuleLoad { call, file, parameters },
            })
            .boxed(),
        Kind::KernelBpf => word().prop_map(|command| Detail::KernelBpf { bpf: Bpf { command } }).boxed(),
        Kind::KernelIoUring => {
            (word(), any::<(Option<i32>, Option<i32>)>(), of(file_path()), of(file_path()), of(address()))
                .prop_map(|(operation, (fd, result), file, to, address)| Detail::KernelIoUring {
                    io_uring: Box::new(IoUring {
                        domain: fd.map(|_| operation.clone()),
                        operation,
                        fd,
                        file,
                        to,
                        address,
                        result,
                    }),
                })
                .boxed()
        }
        Kind::KernelKeyctl => {
            word().prop_map(|operation| Detail::KernelKeyctl { keyctl: Keyctl { operation } }).boxed()
        }
        Kind::KernelKexec => word().prop_map(|call| Detail::KernelKexec { kexec: Kexec { call } }).boxed(),
        Kind::KernelSysctlWrite => file_path()
            .prop_map(|file| Detail::KernelSysctlWrite { sysctl_write: SysctlWrite { file } })
            .boxed(),
        Kind::LogMessage => (copied(), word())
            .prop_map(|(message, socket)| Detail::LogMessage { log: LogMessage { message, socket } })
            .boxed(),
        Kind::BaitRead => (word(), of(flow()))
            .prop_map(|(bait, flow)| Detail::BaitRead { bait: BaitRead { bait, flow: flow.map(Box::new) } })
            .boxed(),
        Kind::BaitExfiltrated => (word(), word(), of(flow()))
            .prop_map(|(bait, encoding, flow)| Detail::BaitExfiltrated {
                bait: BaitExfiltrated { bait, encoding, flow: flow.map(Box::new) },
            })
            .boxed(),
    }
}

prop_compose! {
    fn process()(id in process_id(), pid: u32, tid: u32, exe in copied(), euid: u32, artifact: bool) -> ProcessRef {
        ProcessRef { id, pid, tid, exe, euid, actor: if artifact { Actor::Artifact } else { Actor::Environment } }
    }
}

prop_compose! {
    fn outcome()(
        result in prop_oneof![
            Just(OutcomeResult::Success), Just(OutcomeResult::Failure), Just(OutcomeResult::Unfinished),
        ],
        errno in of(word()), enforcer in of(word()), skipped: bool,
    ) -> Outcome {
        Outcome { result, errno, enforcer, skipped }
    }
}

prop_compose! {
    /// Any event of `kind`.
    pub fn event(kind: Kind)(
        seq: u64, time: i64, boot_ns: u64,
        phase in prop_oneof![
            Just(Phase::Setup), Just(Phase::Execute), Just(Phase::Login), Just(Phase::Schedule), Just(Phase::Reboot),
        ],
        sensor in prop_oneof![Just(SensorName::Ebpf), Just(SensorName::Ptrace), Just(SensorName::Detektr)],
        process in of(process()), outcome in outcome(), detail in detail(kind),
        syscall in of((any::<(u32, [u64; 6])>(), word())),
    ) -> Event {
        let syscall = syscall.map(|((nr, args), arch)| Syscall { nr, arch, args });
        Event { seq, time: Timestamp(time), boot_ns, phase, sensor, process, outcome, detail, syscall }
    }
}
