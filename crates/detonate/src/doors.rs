//! Which of the doors to AF_VSOCK that no filter can look into are shut whole: what the profile asks for, held against
//! what could leave by them under the sensor.

use detektr_sandbox::{IoUring, Shut};
use detektr_sensor::Rings;

/// What becomes of `io_uring_setup` and of the 32-bit `socketcall` that makes a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doors {
    /// `io_uring_setup` gets ENOSYS, by whoever sees to it.
    pub no_rings: bool,
    /// What Detektr's own filter sees to, and not the sensor.
    pub shut: Shut,
    /// What is less than the whole by it, a sentence each.
    pub gaps: Vec<String>,
}

/// What becomes of them where `wish` is asked for and `rings` is what a ring could do.
pub fn doors(wish: IoUring, rings: &Rings) -> Doors {
    let (by_filter, gap) = match (wish, rings) {
        // the filter would hide from the tracer what the tracer itself refuses and tells
        (IoUring::Auto | IoUring::Refuse, Rings::Refused) => (false, None),
        (IoUring::Allow, Rings::Refused) => (
            false,
            Some(
                "io_uring is refused in spite of `io_uring: allow`: the ptrace sensor can't see into a ring"
                    .into(),
            ),
        ),
        (IoUring::Refuse, _) => (true, Some("io_uring is refused with ENOSYS, as the profile asks".into())),
        (IoUring::Auto, Rings::Leak(why)) => (
            true,
            Some(format!(
                "io_uring is refused with ENOSYS: this host has AF_VSOCK, no program in the kernel can refuse it ({why}), and a chain of io_uring \
                 operations could send content over it to the hypervisor before its process is killed; `io_uring: allow` in a profile takes that risk"
            )),
        ),
        (IoUring::Allow, Rings::Leak(why)) => (
            false,
            Some(format!(
                "io_uring is allowed by the profile: a chain of its operations can send content over AF_VSOCK to the hypervisor before its process is \
                 killed, as no program in the kernel can refuse it here ({why})"
            )),
        ),
        (IoUring::Auto | IoUring::Allow, Rings::Contained) => (false, None),
    };
    // what a kernel can't be made to refuse for a ring, it can't for a socketcall
    let (socketcall, call_gap) = match rings {
        Rings::Leak(why) => (true, Some(no_socketcall(why))),
        Rings::Contained | Rings::Refused => (false, None),
    };
    Doors {
        no_rings: by_filter || *rings == Rings::Refused,
        shut: Shut { rings: by_filter, socketcall },
        gaps: gap.into_iter().chain(call_gap).collect(),
    }
}

/// Whether a program that makes its sockets by `socketcall` gets none under a sensor with such `rings`.
pub fn starves_ia32(rings: &Rings) -> bool {
    doors(IoUring::Auto, rings).shut.socketcall
}

fn no_socketcall(why: &str) -> String {
    format!(
        "32-bit programs get no socket by the old socketcall (ENOSYS), as this host has AF_VSOCK, and no program in the kernel can refuse it there \
         ({why}); under the ptrace sensor (`--sensor ptrace`) they get all others"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_run_only_where_nothing_can_leave_by_them_or_the_profile_takes_the_risk() {
        let leak = Rings::Leak("ENOENT".into());
        // wish, what rings could do; refused, by the filter, a gap
        for (wish, rings, refused, by_filter, gap) in [
            (IoUring::Auto, &Rings::Contained, false, false, None),
            (IoUring::Allow, &Rings::Contained, false, false, None),
            (IoUring::Refuse, &Rings::Contained, true, true, Some("profile asks")),
            (IoUring::Auto, &leak, true, true, Some("(ENOENT)")),
            (IoUring::Allow, &leak, false, false, Some("can send content")),
            (IoUring::Refuse, &leak, true, true, Some("profile asks")),
            (IoUring::Auto, &Rings::Refused, true, false, None),
            (IoUring::Allow, &Rings::Refused, true, false, Some("in spite of")),
            (IoUring::Refuse, &Rings::Refused, true, false, None),
        ] {
            let found = doors(wish, rings);
            assert_eq!((found.no_rings, found.shut.rings), (refused, by_filter), "{wish:?}, {rings:?}");
            let (of_rings, of_calls): (Vec<&String>, Vec<&String>) =
                found.gaps.iter().partition(|told| told.contains("io_uring"));
            let told = of_rings
                .first()
                .zip(gap)
                .map_or(of_rings.is_empty() && gap.is_none(), |(a, b)| a.contains(b));
            assert!(told, "{wish:?}, {rings:?}: {:?}", found.gaps);
            assert_eq!(found.shut.socketcall, *rings == leak, "{wish:?}, {rings:?}");
            assert_eq!(of_calls.len(), usize::from(*rings == leak), "{wish:?}, {rings:?}: {:?}", found.gaps);
        }
    }
}
