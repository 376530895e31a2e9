//! Two bodies and an authority in one process, over real sockets: what works, and what attackers try.

mod agreements;
mod archive;
mod attacks;
mod bodies;
mod choice;
mod deliver;
mod evidence;
mod growth;
mod jdk;
mod journey;
mod legacy;
mod lines;
mod member_client;
mod ocsp;
mod offers;
mod places;
mod registries;
mod reports;
mod shared_lines;
mod simulated;
mod smuggling;
mod survive;
mod topics;
mod why;

use crate::testing as country;
