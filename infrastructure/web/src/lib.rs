//! Pages and the way to them: rooms, visits, forms, parts, limits. Read by every crate that shows a page.
//!
//! Promises: each request passes one outer layer (trace, limits, language, cookies, headers, log line, error pages), and
//! each page stands in one frame that works without script, in three languages, at 360 px.
//! Refuses: knowing what any page is about, who may sign in, or what a body does. `identity` fills the `Actor`.

pub mod assets;
pub mod client;
pub mod cookie;
pub mod failure;
pub mod form;
mod frame;
pub mod hosts;
pub mod limits;
pub mod listen;
pub mod metrics;
pub mod outer;
pub mod parts;
mod resend;
pub mod room;
pub mod site;
pub mod testing;
pub mod texts;
pub mod visit;

pub use failure::{Failure, Page};
pub use form::{Fields, Form, Upload, UploadedFile, csrf_field};
pub use frame::{Sheet, page};
pub use outer::{OuterSettings, outer};
pub use room::{Audience, MenuItem, Room, Routes, SharedTexts, Timer, gather, gather_sharing};
pub use site::BodyFace;
pub use texts::{Texts, Value};
pub use visit::Visit;

/// This crate's own texts (frame, parts, general faults); `gather` adds them by itself.
pub const TEXTS: &[(kernel::Locale, &str)] = &[
    (kernel::Locale::Es, include_str!("../texts/es.ftl")),
    (kernel::Locale::Qu, include_str!("../texts/qu.ftl")),
    (kernel::Locale::En, include_str!("../texts/en.ftl")),
];
