//! The demo, end to end: what was broken is found, what is good arrives, and a kill changes
//! nothing.

mod content;
mod kill;
mod truth;
