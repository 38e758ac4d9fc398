//! What a denial by rules for paths looks like: `EROFS` where nothing may be written, `EACCES` on an exec from where
//! nothing may be executed, and whatever the cover of an inaccessible path answers. Asked of the rules themselves.

use super::Surroundings;
use detektr_event::{Detail, Event};
use detektr_sandbox::controls::paths::Rules;

/// Whether `event`, which failed with `errno`, shows `rules`.
pub(super) fn shows(rules: &Rules, event: &Event, errno: &str, around: &Surroundings) -> bool {
    let paths = event.detail.paths();
    let mut places = paths.iter().filter_map(|path| around.place(path));
    match &event.detail {
        Detail::ProcessExec { .. } if errno == "EACCES" => {
            places.any(|path| rules.is_noexec(&path) || rules.is_covered(&path))
        }
        Detail::ProcessMemoryExec { .. } if matches!(errno, "EPERM" | "EACCES") => {
            places.any(|path| rules.is_noexec(&path))
        }
        _ => places.any(|path| match errno {
            "EROFS" => rules.is_read_only(&path) || rules.is_covered(&path),
            "EACCES" | "EPERM" | "ENOENT" | "ENOTDIR" | "EXDEV" | "EBUSY" => rules.is_covered(&path),
            _ => false,
        }),
    }
}
