//! Names that log sources put in place of numbers.

/// The user's name, where every system gives it the same.
pub(super) fn user(id: u32) -> Option<String> {
    match id {
        0 => Some("root".into()),
        65_534 => Some("nobody".into()),
        _ => None,
    }
}
