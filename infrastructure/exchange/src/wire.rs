//! The way between nodes: mutual TLS over TCP, or a simulated network in one process.
//!
//! `ask` sends over it and `answer` receives from it; both get whole messages and know nothing of sockets. It promises
//! that whoever is at the other end holds a certificate that the directory lists, and that no peer can hold more than
//! the stated memory and time. [`Wire`] is an enum, so that its users need not know which kind it is.

mod caller;
mod dial;

mod judge;
mod legacy;
mod listener;
mod meeting;
mod shared;
mod simulated;
mod stream;
mod tls;

pub use caller::{Caller, Line, Reply, WireError};
pub use dial::Speech;
pub use judge::{Judge, Met};
pub use legacy::Legacy;
pub use listener::{Arrived, BadArrival, Departing, Handler, Limits, Serving, serve};
pub(crate) use simulated::Place;
pub use simulated::{Fate, Leg, Network, Passage, Rule, Seat, Simulated};
pub(crate) use stream::{Counted, Gone, Pace, linger, time_for};
pub use tls::{TlsIdentity, TlsSetup, systems_config};

use std::sync::Arc;

use crate::domain::multipart::{self, Direction, Envelope, Framed};

/// Header that names the digest of the message layer.
pub const HASH_ALGORITHM: (&str, &str) = ("x-hash-algorithm", "SHA-512");
/// The version that this node announces to peers that compare it (X-Road's own number, whose wire is spoken).
pub const PROXY_VERSION: (&str, &str) = ("x-proxy-version", "7.8.0-tambo");
/// Header that tells REST messages from SOAP ones.
pub const MESSAGE_TYPE: (&str, &str) = ("x-road-message-type", "REST");

/// How messages leave this node.
#[derive(Clone)]
pub enum Wire {
    /// Mutual TLS over TCP.
    Tls(Caller),
    /// In one process, through a [`Network`] whose owner decides what befalls each message.
    Simulated(Simulated),
}

impl Wire {
    /// A line to `address` (`host:port`): a kept one, or a new one if there is none or `fresh` is asked for. The caller
    /// looks at [`Line::peer`] before it says anything.
    ///
    /// # Errors
    /// [`WireError::Unreachable`].
    pub async fn line(&self, address: &str, fresh: bool) -> Result<Line, WireError> {
        match self {
            Self::Tls(caller) => caller.line(address, fresh).await,
            Self::Simulated(place) => place.line(address).await,
        }
    }

    /// A new line to whichever of `addresses` can be connected to first.
    ///
    /// # Errors
    /// [`WireError::Unreachable`], with the address that failed after it had won, if one had.
    pub async fn first_line(
        &self,
        addresses: &[&str],
    ) -> Result<Line, (Option<String>, WireError)> {
        match self {
            Self::Tls(caller) => caller.first_line(addresses).await,
            Self::Simulated(place) => place.first_line(addresses).await,
        }
    }

    /// Sends a framed request over a line and waits for the reply.
    ///
    /// # Errors
    /// [`WireError`], which tells 'never left' from 'no good answer'.
    pub async fn call(&self, line: Line, call: &Call) -> Result<Reply, WireError> {
        match self {
            Self::Tls(caller) => caller.call(line, call).await,
            Self::Simulated(place) => place.call(line.address(), call).await,
        }
    }
}

/// One request, in whatever form its line takes.
#[derive(Clone, Debug)]
pub struct Call {
    /// The boundary of the frame, where it is framed.
    pub boundary: String,
    /// The number of this attempt.
    pub request_id: String,
    /// The content type that the information system gave its body, if it gave one.
    pub original_content_type: String,
    /// The message.
    pub envelope: Arc<Envelope>,
    /// What is said instead, by those who try what no honest node says.
    #[cfg(test)]
    pub raw: Option<Framed>,
}

impl Call {
    /// The message in X-Road's frame.
    fn framed(&self) -> Framed {
        #[cfg(test)]
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        multipart::write(&self.envelope, Direction::Request, &self.boundary)
    }
}

/// The content type of a framed message.
pub fn content_type(boundary: &str) -> String {
    format!("multipart/mixed; charset=UTF-8; boundary={boundary}")
}

/// A boundary in X-Road's form: `xtop` and thirty letters.
pub fn new_boundary(chance: &dyn kernel::Chance) -> String {
    let mut bytes = [0_u8; 30];
    chance.name(&mut bytes);
    let letters = bytes.iter().map(|byte| char::from(b'a' + byte % 26));
    let mut text = String::with_capacity(4 + bytes.len());
    text.push_str("xtop");
    text.extend(letters);
    text
}
