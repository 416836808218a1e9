//! Charts: one way to draw them, on the server, in the browser and into a report's picture.
//!
//! [`Plot`] is what is drawn: a range of time, series, and where the grid stands ([`scale`]). [`paint`] draws grid, axes and series by
//! plotters, onto anything that plotters draws on. In a page that is an SVG without a word in it ([`svg`]): text would be measured, and
//! is measured differently here and there. Title, legend, labels, crosshair and values are the page's own ([`view`]).

mod paint;
mod plot;
pub mod range;
pub mod scale;
pub mod series;
mod svg;
pub mod view;
mod words;

pub use paint::{Ink, paint};
pub use plot::{Plot, Series, Shape};
pub use range::Range;
pub use scale::Unit;
pub use svg::{sparkline, svg};

/// So many series have a colour of their own.
pub const COLOURS: usize = 6;
