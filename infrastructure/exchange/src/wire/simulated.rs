//! A network without sockets: whole framed messages travel in one process, and its owner decides what befalls them.
//!
//! Read by `town` and by tests. A [`Network`] is the switchboard; every exchange that is built on it
//! ([`crate::Exchange::simulated`]) has a place there under the address that the directory lists, and answers after
//! [`crate::Exchange::join`]. Both ends judge each other's certificate as in a TLS handshake, and the bytes are those
//! that would stand on the wire.
//!
//! The owner gives one [`Rule`]. It is asked for every [`Passage`] (a connection, a request, a response), may wait as long as
//! it likes on whatever clock it likes (that is delay, and reordering of passages among each other), and says the
//! passage's [`Fate`]. Partition: `Cut` for every leg between two groups. Loss before delivery: `Cut` or `Lose` a
//! request; loss after delivery: `Cut` or `Lose` its response. What the rule decides from a seed can be replayed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};
use trust::Certificate;

use super::caller::{self, Line, Reply, WireError, fault};
use super::dial::CONNECT;
use super::judge::Judge;
use super::listener::{Arrived, BadArrival, Departing, Handler};
use super::stream::Inbound;
use super::{Call, content_type};
use crate::body::SpoolRoom;
use crate::domain::multipart::{self, Direction, Envelope, Framed};

/// Which leg of an exchange a passage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leg {
    /// The caller opens a connection; no bytes of a message.
    Connect,
    /// A request on its way to the called node.
    Request,
    /// The response on its way back.
    Response,
}

/// Something that is about to cross the network.
#[derive(Clone, Debug)]
pub struct Passage {
    /// Counts connections and calls of the whole network; a request and its response have the same number.
    pub number: u64,
    /// Which leg.
    pub leg: Leg,
    /// Address of the node that it leaves.
    pub from: String,
    /// Address of the node that it is for.
    pub to: String,
    /// Whether this is the second delivery that [`Fate::Twice`] ordered.
    pub is_copy: bool,
    /// The framed bytes; empty for [`Leg::Connect`].
    pub bytes: Bytes,
}

/// What becomes of a passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Deliver,
    /// It arrives, and so does a copy that passes the rule for itself. Of a request alone; the copy's response goes
    /// nowhere. Other legs just arrive.
    Twice,
    /// It arrives with other bytes.
    Change(Bytes),
    /// It is gone and the line breaks: the caller learns it at once.
    Cut,
    /// It is gone without a sign: the caller waits until its own patience ends.
    Lose,
}

/// Decides the fate of every passage; the time that it takes is the passage's delay.
pub type Rule = Arc<dyn Fn(Passage) -> BoxFuture<'static, Fate> + Send + Sync>;

/// A switchboard between exchanges in one process. Cheap to clone.
#[derive(Clone)]
pub struct Network {
    rule: Rule,
    stations: Arc<Mutex<HashMap<String, Station>>>,
    passages: Arc<AtomicU64>,
}

/// An exchange that can be called.
#[derive(Clone)]
struct Station {
    place: Place,
    handler: Handler,
    power: watch::Sender<bool>,
}

/// Where an exchange is on the network, and as whom.
#[derive(Clone)]
pub(crate) struct Place {
    pub address: String,
    pub chain: Vec<Certificate>,
    pub judge: Judge,
    pub room: SpoolRoom,
}

/// A joined exchange's seat. Dropping it changes nothing.
pub struct Seat {
    network: Network,
    address: String,
    power: watch::Sender<bool>,
}

impl Seat {
    /// Takes no more calls; running ones end.
    pub fn leave(&self) {
        self.network.lock().remove(&self.address);
    }

    /// Leaves and ends running work in its middle, as a power failure would.
    pub fn cut(&self) {
        self.leave();
        let _ = self.power.send(true);
    }
}

impl Network {
    /// A network on which `rule` decides.
    pub fn new(rule: Rule) -> Self {
        Self {
            rule,
            stations: Arc::default(),
            passages: Arc::default(),
        }
    }

    /// A network on which everything arrives at once.
    pub fn calm() -> Self {
        Self::new(Arc::new(|_| Box::pin(async { Fate::Deliver })))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Station>> {
        self.stations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an exchange where it can be called; whoever was at the address before is no longer.
    pub(crate) fn join(&self, place: Place, handler: Handler) -> Seat {
        let (power, _) = watch::channel(false);
        let address = place.address.clone();
        let station = Station {
            place,
            handler,
            power: power.clone(),
        };
        self.lock().insert(address.clone(), station);
        Seat {
            network: self.clone(),
            address,
            power,
        }
    }

    fn next(&self) -> u64 {
        self.passages.fetch_add(1, Ordering::Relaxed)
    }

    fn at(&self, address: &str) -> Option<Station> {
        self.lock().get(address).cloned()
    }
}

/// How one exchange calls others over a [`Network`].
#[derive(Clone)]
pub struct Simulated {
    network: Network,
    place: Place,
    stall: Duration,
}

impl Simulated {
    pub(crate) fn new(network: Network, place: Place, stall: Duration) -> Self {
        Self {
            network,
            place,
            stall,
        }
    }

    /// Makes this exchange callable.
    pub(crate) fn join(&self, handler: Handler) -> Seat {
        self.network.join(self.place.clone(), handler)
    }

    pub(super) async fn line(&self, address: &str) -> Result<Line, WireError> {
        let unreachable = |cause: &str| WireError::Unreachable(cause.to_owned());
        let passage = self.passage(Leg::Connect, address, Bytes::new());
        match (self.network.rule)(passage).await {
            Fate::Cut => return Err(unreachable("the connection was refused")),
            Fate::Lose => {
                tokio::time::sleep(CONNECT).await;
                return Err(unreachable("no connection in time"));
            }
            Fate::Deliver | Fate::Twice | Fate::Change(_) => {}
        }
        let station = self.network.at(address);
        let there = station.ok_or_else(|| unreachable("nobody is there"))?.place;
        let (ours, theirs) = (self.place.chain.split_first(), there.chain.split_first());
        let (Some((own, own_chain)), Some((peer, peer_chain))) = (ours, theirs) else {
            return Err(unreachable("the node showed no certificate"));
        };
        let handshake = self.place.judge.check(peer, peer_chain);
        let handshake = handshake.and_then(|()| there.judge.check(own, own_chain));
        handshake.map_err(|error| unreachable(&error.to_string()))?;
        Ok(Line::simulated(address, peer.clone()))
    }

    /// The first in the list that lets itself be connected to; there is no race without sockets.
    pub(super) async fn first_line(
        &self,
        addresses: &[&str],
    ) -> Result<Line, (Option<String>, WireError)> {
        let mut last = (None, WireError::Unreachable("no address".to_owned()));
        for address in addresses {
            match self.line(address).await {
                Ok(line) => return Ok(line),
                Err(error) => last = (Some((*address).to_owned()), error),
            }
        }
        Err(last)
    }

    pub(super) async fn call(&self, to: &str, call: &Call) -> Result<Reply, WireError> {
        let passage = self.passage(Leg::Request, to, in_one(&call.framed()).await?);
        let number = passage.number;
        let fate = (self.network.rule)(passage.clone()).await;
        let bytes = match fate {
            Fate::Cut => return Err(cut()),
            Fate::Lose => return self.silence().await,
            Fate::Change(bytes) => bytes,
            Fate::Deliver => passage.bytes,
            Fate::Twice => {
                self.second(passage.clone(), call);
                passage.bytes
            }
        };
        let departing = self.deliver(to, call, bytes).await.ok_or_else(cut)?;
        let (kind, bytes) = match departing {
            Departing::Message { boundary, envelope } => {
                let frame = multipart::write(&envelope, Direction::Response, &boundary);
                (content_type(&boundary), in_one(&frame).await?)
            }
            Departing::Fault(text) => ("text/xml".to_owned(), Bytes::from(text)),
            #[cfg(test)]
            Departing::Raw { boundary, frame } => (content_type(&boundary), in_one(&frame).await?),
        };
        let response = Passage {
            number,
            leg: Leg::Response,
            from: to.to_owned(),
            to: self.place.address.clone(),
            is_copy: false,
            bytes,
        };
        match (self.network.rule)(response.clone()).await {
            Fate::Cut => Err(cut()),
            Fate::Lose => self.silence().await,
            Fate::Change(bytes) => reply(&kind, &bytes, &self.place.room).await,
            Fate::Deliver | Fate::Twice => reply(&kind, &response.bytes, &self.place.room).await,
        }
    }

    fn passage(&self, leg: Leg, to: &str, bytes: Bytes) -> Passage {
        Passage {
            number: self.network.next(),
            leg,
            from: self.place.address.clone(),
            to: to.to_owned(),
            is_copy: false,
            bytes,
        }
    }

    /// Nothing comes any more; the caller's patience is the same as on a real line.
    async fn silence(&self) -> Result<Reply, WireError> {
        tokio::time::sleep(self.stall).await;
        Err(WireError::Timeout)
    }

    /// Delivers a request once more, whenever the rule lets it through.
    fn second(&self, passage: Passage, call: &Call) {
        let (this, call) = (self.clone(), call.clone());
        tokio::spawn(async move {
            let to = passage.to.clone();
            let bytes = passage.bytes.clone();
            let copy = Passage {
                is_copy: true,
                ..passage
            };
            match (this.network.rule)(copy).await {
                Fate::Cut | Fate::Lose => {}
                Fate::Change(bytes) => drop(this.deliver(&to, &call, bytes).await),
                Fate::Deliver | Fate::Twice => drop(this.deliver(&to, &call, bytes).await),
            }
        });
    }

    /// Hands a request to the node there; it works on even if the caller has gone. `None` if the node is away or dies.
    async fn deliver(&self, to: &str, call: &Call, bytes: Bytes) -> Option<Departing> {
        let station = self.network.at(to)?;
        let arrived = Arrived {
            peer: self.place.chain.first()?.clone(),
            request_id: call.request_id.clone(),
            message: envelope(&call.boundary, &bytes, &station.place.room).await,
        };
        let (done, answer) = oneshot::channel();
        let mut power = station.power.subscribe();
        let work = (station.handler)(arrived);
        tokio::spawn(async move {
            tokio::select! {
                departing = work => { let _ = done.send(departing); }
                _ = power.changed() => {}
            }
        });
        answer.await.ok()
    }
}

fn cut() -> WireError {
    WireError::Broken("the line was cut".to_owned())
}

async fn in_one(frame: &Framed) -> Result<Bytes, WireError> {
    let bytes = frame.to_bytes().await;
    bytes.map_err(|error| WireError::Broken(error.to_string()))
}

async fn envelope(boundary: &str, bytes: &[u8], room: &SpoolRoom) -> Result<Envelope, BadArrival> {
    let boundary = multipart::boundary(&content_type(boundary)).ok_or(BadArrival::Kind)?;
    let mut inbound = Inbound::new(&boundary, Direction::Request, room);
    inbound.push(bytes).await?;
    Ok(inbound.finish().await?)
}

async fn reply(kind: &str, bytes: &[u8], room: &SpoolRoom) -> Result<Reply, WireError> {
    let Some(boundary) = multipart::boundary(kind) else {
        return fault(bytes);
    };
    let mut inbound = Inbound::new(&boundary, Direction::Response, room);
    let read = match inbound.push(bytes).await {
        Ok(()) => inbound.finish().await,
        Err(bad) => Err(bad),
    };
    caller::reply(read)
}
