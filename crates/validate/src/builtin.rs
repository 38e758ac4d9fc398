//! Scripts that Detektr brings along.

/// The twin where a validation gives none.
pub const SMOKE: &str = "smoke";
/// Ordinary programs, on which a detection must be silent where a validation gives no twin.
pub const ORDINARY: &str = "ordinary";

/// The names of all.
pub const NAMES: [&str; 2] = [SMOKE, ORDINARY];

/// The text of one.
pub fn script(name: &str) -> Option<&'static [u8]> {
    match name {
        SMOKE => Some(include_bytes!("builtin/smoke.sh")),
        ORDINARY => Some(include_bytes!("builtin/ordinary.sh")),
        _ => None,
    }
}
