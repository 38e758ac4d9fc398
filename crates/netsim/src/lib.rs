//! The simulated internet: what answers an environment's packets, and the record of every one of them.
//!
//! [`Internet::start`] takes the outer end of an environment's network device and plays the whole world on a thread of
//! its own: every address and every port answers. It has no code that connects anywhere; the device and the record
//! are all that it ever touches. What it saw it tells as [`Told`] facts, in the event types; whose they are, and what
//! becomes of them, is for others to say.
//!
//! Everything that comes out of the device is hostile: nothing here may panic on it or grow without a bound.
#![forbid(unsafe_code)]

mod addresses;
mod authority;
pub mod capture;
mod clock;
mod context;
mod flows;
pub mod hello;
#[cfg(any(test, fuzzing))]
pub mod hostile;
mod internet;
pub mod leak;
mod leaks;
mod link;
mod mode;
mod names;
mod packet;
mod reassembly;
mod recording;
mod services;
pub mod site;
mod stack;
mod told;

pub use addresses::Addresses;
pub use authority::{Authority, AuthorityError};
pub use internet::{Credentials, Internet, Report, Settings};
pub use link::LinkKind;
pub use mode::Mode;
pub use names::addresses_of;
pub use recording::{CaptureTo, Captured};
pub use told::{Content, Told};
