//! The whole chain held against programs that count their own actions: the real binary detonates them, and each
//! action that they tell must stand in the sealed bundle exactly once, from either sensor. `programs/` holds them.

mod agreement;
mod arguments;
mod cpu_time;
mod lives;
mod logs;
mod object;
mod programs;
mod subordinate;
mod support;
