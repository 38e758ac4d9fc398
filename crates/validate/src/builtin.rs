//! Scripts that Detektr brings along.

/// The twin where a validation gives none.
pub const SMOKE: &str = "smoke";

/// The names of all.
pub const NAMES: [&str; 1] = [SMOKE];

/// The text of one.
pub fn script(name: &str) -> Option<&'static [u8]> {
    (name == SMOKE).then_some(include_bytes!("builtin/smoke.sh").as_slice())
}
