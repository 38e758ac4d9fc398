//! Nothing that a sensor hands over makes the decoder panic.

use super::*;
use crate::raw::{RawFailedExec, RawIo, RawUring};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

fn copied() -> BoxedStrategy<Copied> {
    let bytes = || prop_oneof![vec(any::<u8>(), 0..20), "[/.a]{0,12}".prop_map(String::into_bytes)];
    prop_oneof![
        bytes().prop_map(Copied::whole),
        (bytes(), any::<u64>())
            .prop_map(|(text, truncated)| Copied::Truncated { text: text.into(), truncated }),
        Just(Unreadable::Gone.into()),
    ]
    .boxed()
}

fn objects() -> BoxedStrategy<RawObject> {
    (copied(), any::<[u64; 3]>(), any::<u32>(), of(copied()), any::<[bool; 3]>())
        .prop_map(|(path, [dev, ino, mount_namespace], mode, root, [unlinked, memfd, from_procfs])| {
            RawObject {
                path,
                dev,
                ino,
                mode,
                fs: if memfd { "proc".to_owned() } else { String::new() },
                mount_namespace,
                root,
                unlinked,
                memfd,
                from_procfs,
            }
        })
        .boxed()
}

fn credentials() -> impl Strategy<Value = RawCredentials> {
    any::<([u32; 4], [u32; 4])>().prop_map(|(uids, gids)| RawCredentials {
        uids,
        gids,
        ..RawCredentials::default()
    })
}

fn taken() -> BoxedStrategy<Taken> {
    prop_oneof![
        Just(Taken::Nothing),
        (copied(), of(copied())).prop_map(|(entry, at_return)| Taken::String { entry, at_return }),
        objects().prop_map(Taken::Object),
        vec(any::<u8>(), 0..96).prop_map(Taken::Bytes),
        Just(Taken::Unreadable(Unreadable::NotResident)),
        (credentials(), credentials()).prop_map(|(old, new)| Taken::Credentials(old, new)),
    ]
    .boxed()
}

fn argument() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0..64_u64, Just(u64::MAX), Just(0xffff_ff9c)]
}

fn calls() -> BoxedStrategy<RawCall> {
    let abi = prop_oneof![Just(Abi::X86_64), Just(Abi::I386), Just(Abi::X32)];
    let value = || prop_oneof![any::<i64>(), -600..600_i64];
    let ret = prop_oneof![
        value().prop_map(Returned::Value),
        value().prop_map(Returned::Skipped),
        Just(Returned::Never),
    ];
    let args = [argument(), argument(), argument(), argument(), argument(), argument()];
    (0..600_u32, abi, args, ret, vec(taken(), 0..6))
        .prop_map(|(nr, abi, args, ret, taken)| RawCall {
            nr,
            abi,
            args,
            ret,
            entry_ns: 0,
            taken,
            walled: nr & 1 != 0,
        })
        .boxed()
}

fn execs() -> BoxedStrategy<RawExec> {
    (0..12_u32, of(copied()), copied(), objects(), objects(), credentials(), vec(copied(), 0..3), 0..12_u32)
        .prop_map(|(old_tid, interpreter, filename, exe, cwd, credentials, argv, ppid)| RawExec {
            old_tid,
            filename,
            interpreter,
            stdio: [Some(exe.clone()), None, Some(cwd.clone())],
            exe,
            argv,
            cwd,
            ppid,
            old_credentials: None,
            credentials,
            ..exec_of("/x")
        })
        .boxed()
}

fn bodies() -> BoxedStrategy<Body> {
    prop_oneof![
        (any::<[u32; 2]>(), 0..12_u32, 0..12_u32, any::<u64>(), 0..4_u64, any::<bool>()).prop_map(
            |([env_tgid, env_tid], tgid, tid, flags, start_ns, io_worker)| Body::Birth(Birth {
                tgid,
                tid,
                env_tgid,
                env_tid,
                start_ns,
                flags,
                io_worker,
            })
        ),
        execs().prop_map(|exec| Body::Exec(Box::new(exec))),
        (calls(), objects(), credentials()).prop_map(|(call, cwd, credentials)| {
            Body::FailedExec(Box::new(RawFailedExec {
                call,
                argv: Vec::new(),
                env: Vec::new(),
                incomplete: None,
                cwd,
                credentials,
                stdio: [None, None, None],
                ppid: 3,
                env_ppid: 3,
            }))
        }),
        any::<(i32, bool)>().prop_map(|(status, process_ended)| Body::Exit(RawExit {
            status,
            process_ended,
            cpu_ns: None
        })),
        calls().prop_map(|call| Body::Call(Box::new(call))),
        (objects(), any::<[u64; 3]>(), any::<bool>()).prop_map(
            |(object, [written, writes, read], mapped)| {
                Body::Io(Box::new(RawIo { object, written, writes, read, mapped }))
            }
        ),
        any::<(i32, i32)>().prop_map(|(signal, code)| Body::KernelSignal {
            signal,
            code,
            walled: code & 1 != 0
        }),
        (
            any::<(u8, i32, Option<i32>)>(),
            of(copied()),
            of(copied()),
            of(objects()),
            of(vec(any::<u8>(), 0..40))
        )
            .prop_map(|((opcode, fd, result), path, path2, base, address)| {
                Body::Uring(Box::new(RawUring {
                    opcode,
                    fd,
                    result,
                    path,
                    path2,
                    base2: base.clone(),
                    object: base.clone(),
                    base,
                    address,
                    domain: (opcode == 45).then_some(fd),
                    walled: opcode == 45 && fd == 40,
                }))
            }),
        any::<bool>().prop_map(|inside| Body::CgroupMove { inside }),
    ]
    .boxed()
}

fn records() -> impl Strategy<Value = Raw> {
    let time = prop_oneof![any::<u64>(), 0..1000_u64];
    (time, 0..12_u32, 0..12_u32, any::<Option<u32>>(), bodies())
        .prop_map(|(boot_ns, tgid, tid, euid, body)| Raw { boot_ns, tgid, tid, euid, body })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_record_makes_it_panic_and_every_event_can_be_read_again(
        records in vec(records(), 1..24), launcher in 0..12_u32, boot_to_wall_ns: i64, own: bool,
    ) {
        let mut config = DecoderConfig { boot_to_wall_ns, ..config() };
        if own {
            config.environment.root_path = b"/a".to_vec();
        }
        let mut decoder = Decoder::new(config);
        decoder.launcher(launcher);
        let mut out = Vec::new();
        for record in records {
            decoder.decode(record, &mut out);
        }
        for event in &out {
            let line = serde_json::to_string(event).expect("events serialise");
            prop_assert_eq!(&serde_json::from_str::<Event>(&line).expect("it is read again"), event);
        }
        prop_assert!(decoder.holes().iter().all(|hole| !hole.detail.is_empty()));
    }
}
