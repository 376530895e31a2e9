//! The few files beside the pages: one script that only improves, and the icon. Addresses hold a hash of the content.
//!
//! Promises: what is cached for ever never changes under its address. Refuses: files from disk; all is in the binary.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::response::{IntoResponse, Response};
use http::header;

/// A file in the binary.
pub struct Asset {
    /// Address with the content's hash.
    pub path: String,
    /// Media type.
    pub content_type: &'static str,
    /// Content.
    pub bytes: &'static [u8],
}

/// The script that improves pages; every page works without it.
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "page",
        "js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/page.js"),
    )
});

/// The icon.
pub static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "icon",
        "svg",
        "image/svg+xml",
        include_bytes!("../assets/icon.svg"),
    )
});

impl Asset {
    /// An asset whose address is `/assets/{name}-{hash}.{ending}`; other rooms make theirs with it and add a route.
    pub fn new(name: &str, ending: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let hash = digest::digest(&digest::SHA256, bytes);
        let short = data_encoding::HEXLOWER.encode(&hash.as_ref()[..6]);
        Self {
            path: format!("/assets/{name}-{short}.{ending}"),
            content_type,
            bytes,
        }
    }

    /// The response, cacheable for a year because the address changes with the content.
    pub fn response(&self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, self.content_type),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ];
        (headers, self.bytes).into_response()
    }
}
