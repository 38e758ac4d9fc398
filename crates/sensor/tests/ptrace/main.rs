//! The ptrace sensor against the kernel: each test makes real calls and looks at every record of them.

mod calls;
mod fidelity;
mod hiding;
mod launcher;
mod loss;
mod processes;
