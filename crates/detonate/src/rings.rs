//! Whether programs get io_uring inside: what is asked for, held against what a ring could do under the sensor.

use detektr_sandbox::IoUring;
use detektr_sensor::Rings;

/// What becomes of `io_uring_setup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// It gets ENOSYS, by whoever sees to it.
    pub refused: bool,
    /// Detektr's own filter sees to it, and not the sensor.
    pub by_filter: bool,
    /// What is less than the whole by it.
    pub gap: Option<String>,
}

/// The fate of rings where `wish` is asked for and `rings` is what they could do.
pub fn fate(wish: IoUring, rings: &Rings) -> Fate {
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
    Fate { refused: by_filter || *rings == Rings::Refused, by_filter, gap }
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
            let found = fate(wish, rings);
            assert_eq!((found.refused, found.by_filter), (refused, by_filter), "{wish:?}, {rings:?}");
            let told = found
                .gap
                .as_deref()
                .zip(gap)
                .map_or(found.gap.is_none() && gap.is_none(), |(a, b)| a.contains(b));
            assert!(told, "{wish:?}, {rings:?}: {:?}", found.gap);
        }
    }
}
