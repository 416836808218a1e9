//! The Stage: a living picture of a system of services, for people who don't read JSON. Who emits and who hears ([`cast`]), what flies from one to the
//! other ([`flights`]), what waits ([`backlog`]), a past range as a film ([`reel`]): all without a browser, and tested so. What draws it is in `pages/stage*.rs`.

pub mod backlog;
pub mod cast;
pub mod flights;
pub mod reel;
