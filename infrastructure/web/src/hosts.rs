//! Many bodies behind one listener: the request's host name says whose pages are wanted. Read by `tambo serve --bodies`.
//!
//! Promises: a request reaches the router of the host that it names and no other; bodies come and go while it serves.
//! Refuses: guessing. A name that is nobody's gets 421 (RFC 9110 section 15.5.20), without saying whose there are.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri, header};
use tower::ServiceExt;

/// The routers by host name. Cheap to clone; clones are the same table.
#[derive(Clone, Default)]
pub struct Hosts {
    routers: Arc<RwLock<HashMap<String, Router>>>,
}

impl Hosts {
    /// Serves `router` to whoever asks for `name`; false if the name is another's.
    #[must_use]
    pub fn put(&self, name: &str, router: Router) -> bool {
        let mut routers = self.routers.write().unwrap_or_else(PoisonError::into_inner);
        let name = name.to_lowercase();
        let free = !routers.contains_key(&name);
        if free {
            routers.insert(name, router);
        }
        free
    }

    /// Serves nothing to whoever asks for `name` from now on.
    pub fn remove(&self, name: &str) {
        let mut routers = self.routers.write().unwrap_or_else(PoisonError::into_inner);
        routers.remove(&name.to_lowercase());
    }

    /// The router of all, for `listen`.
    pub fn router(&self) -> Router {
        let hosts = self.clone();
        Router::new().fallback(move |request: Request| {
            let hosts = hosts.clone();
            async move { hosts.pass(request).await }
        })
    }

    async fn pass(&self, request: Request) -> Response {
        let name = host_of(request.headers(), request.uri());
        let found = name.and_then(|name| {
            let routers = self.routers.read().unwrap_or_else(PoisonError::into_inner);
            routers.get(&name).cloned()
        });
        match found {
            Some(router) => router.oneshot(request).await.into_response(),
            None => StatusCode::MISDIRECTED_REQUEST.into_response(),
        }
    }
}

/// The host that a request is for, without port. Two `Host` lines, or one beside another authority, are for nobody.
fn host_of(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let mut lines = headers.get_all(header::HOST).iter();
    let line = lines.next()?.to_str().ok()?;
    let name = name_of(line)?;
    let agrees = uri
        .host()
        .is_none_or(|host| host.eq_ignore_ascii_case(&name));
    (lines.next().is_none() && agrees).then_some(name)
}

/// The name in `host`, `host:port` or `[::1]:port`, in lower case.
pub fn name_of(text: &str) -> Option<String> {
    let name = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => text.split(':').next(),
    };
    name.filter(|name| !name.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use http_body_util::BodyExt;

    use super::*;

    async fn ask(hosts: &Hosts, lines: &[&str]) -> (u16, String) {
        let mut request = http::Request::get("/who");
        for line in lines {
            request = request.header(header::HOST, *line);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = hosts.router().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }

    #[tokio::test]
    async fn each_name_reaches_its_own_body_and_no_other() {
        let hosts = Hosts::default();
        for name in ["pisac.example", "chinchero.example"] {
            assert!(hosts.put(name, Router::new().route("/who", get(async move || name))));
        }
        assert!(
            !hosts.put("pisac.example", Router::new()),
            "the name is another's"
        );
        for (lines, expected) in [
            (&["pisac.example"][..], (200, "pisac.example")),
            (&["Chinchero.Example:8443"], (200, "chinchero.example")),
            (&["maras.example"], (421, "")),
            (&["pisac.example.evil"], (421, "")),
            (&["pisac.example", "chinchero.example"], (421, "")),
            (&[""], (421, "")),
            (&[], (421, "")),
        ] {
            let (status, text) = ask(&hosts, lines).await;
            assert_eq!((status, text.as_str()), expected, "{lines:?}");
        }
        hosts.remove("pisac.example");
        assert_eq!(ask(&hosts, &["pisac.example"]).await.0, 421);
        assert_eq!(ask(&hosts, &["chinchero.example"]).await.0, 200);
    }
}
