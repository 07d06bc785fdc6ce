//! The demo, end to end: what was broken is found, what is good arrives, and a kill changes
//! nothing. Beside it the soak.

mod content;
mod kill;
mod soak;
mod truth;
