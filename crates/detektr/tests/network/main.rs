//! The simulated internet, as programs meet it: each test detonates a real client.

mod attribution;
mod baits;
mod clients;
mod containment;
mod load;
mod packets;
mod sites;
mod support;
