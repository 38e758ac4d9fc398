//! The simulated internet, as programs meet it: each test detonates a real client.

mod attribution;
mod baits;
mod clients;
mod containment;
mod load;
mod packets;
mod refusal;
mod sites;
mod support;
mod vsock;
