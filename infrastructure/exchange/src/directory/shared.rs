//! The directory's trust in the form of X-Road's shared parameters, which the container verifier of `trust` takes.

use data_encoding::HEXLOWER;
use trust::Certificate;
use trust::globalconf::{self, Issuer, Responder, SharedParams};

use super::{Authority, Member, Server, View};

impl View {
    /// Whom this directory trusts, for whoever verifies containers. `freshness_seconds` is the age that OCSP responses
    /// may have.
    pub fn shared_params(&self, freshness_seconds: i64) -> SharedParams {
        let directory = self.directory();
        let authorities = self.authorities.iter().zip(&directory.authorities);
        let stampers = directory.stampers.iter().zip(&self.stampers);
        SharedParams {
            authorities: authorities
                .filter_map(|(chain, known)| authority(chain, known))
                .collect(),
            stampers: stampers
                .map(|(known, (url, certificate))| globalconf::Stamper {
                    name: known.name.clone(),
                    url: url.clone(),
                    certificate: certificate.clone(),
                    cost: None,
                })
                .collect(),
            members: directory.members.iter().map(member).collect(),
            servers: directory.servers.iter().map(server).collect(),
            ocsp_freshness_seconds: freshness_seconds,
            ..SharedParams::new(&directory.instance)
        }
    }
}

/// `chain` holds the root, the intermediates, then the responders' certificates, as [`View::new`] put them.
fn authority(chain: &[Certificate], known: &Authority) -> Option<globalconf::Authority> {
    let (root, others) = chain.split_first()?;
    let (between, responders) = others.split_at(known.intermediates.len());
    let issuer = |certificate: &Certificate, responder: Option<&Certificate>| Issuer {
        certificate: certificate.clone(),
        responders: vec![Responder {
            url: known.ocsp_url.clone(),
            certificate: responder.cloned(),
            cost: None,
        }],
    };
    let top = issuer(root, responders.first());
    Some(globalconf::Authority {
        intermediates: between.iter().map(|one| issuer(one, None)).collect(),
        ..globalconf::Authority::new(&known.name, top, globalconf::Profile::Basic)
    })
}

fn member(member: &Member) -> globalconf::Member {
    globalconf::Member {
        id: member.id.clone(),
        name: member.name.clone(),
        subsystems: member
            .subsystems
            .iter()
            .map(|code| globalconf::Subsystem {
                code: code.clone(),
                name: None,
            })
            .collect(),
    }
}

fn server(server: &Server) -> globalconf::Server {
    let hashes = server.certificates.iter();
    globalconf::Server {
        id: server.id.clone(),
        address: server.address.clone(),
        auth_cert_hashes: hashes
            .filter_map(|hash| HEXLOWER.decode(hash.as_bytes()).ok())
            .collect(),
        clients: server
            .clients
            .iter()
            .cloned()
            .map(globalconf::Party::Subsystem)
            .collect(),
        maintenance: None,
    }
}
