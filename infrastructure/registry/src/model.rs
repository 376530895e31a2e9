//! What of the register is published: one value, read in one transaction, from which the configuration is written.

use std::collections::HashMap;

use kernel::{Fault, MemberId};
use store::Tx;
use trust::Certificate;
use trust::globalconf::{
    self, Group, Issuer, Maintenance, MemberClass, Party, Profile, Responder, Server, SharedParams,
    Stamper, Subsystem,
};
use trust::sigalg::{Hash, sha1};

use crate::sql::group::{GroupRow, ServiceRow};
use crate::sql::member::MemberRow;
use crate::sql::server::ServerRow;
use crate::{Register, services, sql};

/// What of the register is published.
#[derive(Clone, Debug)]
pub struct Model {
    /// The register's version.
    pub version: u64,
    /// Active members with the codes of their subsystems.
    pub members: Vec<(MemberRow, Vec<String>)>,
    /// Servers with their authentication certificates (DER) and their registered subsystems.
    pub servers: Vec<(ServerRow, Vec<Vec<u8>>, Vec<kernel::SubsystemId>)>,
    /// Global groups.
    pub groups: Vec<GroupRow>,
    /// Approved trust services beside the authority's own.
    pub services: Vec<ServiceRow>,
    /// Member classes.
    pub classes: Vec<String>,
}

impl Register {
    /// What is to be published now.
    ///
    /// # Errors
    /// The store failed.
    pub async fn model(&self, tx: &mut Tx) -> Result<Model, Fault> {
        let mut codes: HashMap<MemberId, Vec<String>> = HashMap::new();
        for id in sql::member::all_subsystems(tx).await? {
            codes.entry(id.member).or_default().push(id.code);
        }
        let rows = sql::member::page(tx, "", sql::ALL_ROWS).await?;
        let members = rows.into_iter().filter(|row| row.active).map(|row| {
            let own = codes.remove(&row.id).unwrap_or_default();
            (row, own)
        });
        let members = members.collect();
        Ok(Model {
            version: sql::setting::version(tx).await?,
            members,
            servers: self.published_servers(tx).await?,
            groups: sql::group::all(tx).await?,
            services: sql::group::services(tx).await?,
            classes: self.rules(tx).await?.classes,
        })
    }

    async fn published_servers(
        &self,
        tx: &mut Tx,
    ) -> Result<Vec<(ServerRow, Vec<Vec<u8>>, Vec<kernel::SubsystemId>)>, Fault> {
        let mut own = grouped(sql::server::auth_certificates(tx, self.now()).await?);
        let mut clients = grouped(sql::server::all_clients(tx).await?);
        let servers = sql::server::all(tx).await?.into_iter().map(|row| {
            let id = row.id.to_string();
            let certificates = own.remove(&id).unwrap_or_default();
            (row, certificates, clients.remove(&id).unwrap_or_default())
        });
        Ok(servers.collect())
    }
}

fn grouped<T>(pairs: Vec<(String, T)>) -> HashMap<String, Vec<T>> {
    let mut groups: HashMap<String, Vec<T>> = HashMap::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}

impl Model {
    /// Puts members, servers, groups, classes and foreign trust services into shared parameters.
    ///
    /// # Errors
    /// A service's certificate can't be read, which was read when the service was approved.
    pub fn fill(&self, params: &mut SharedParams) -> Result<(), Fault> {
        let named = |code: &String| Subsystem {
            code: code.clone(),
            name: None,
        };
        let members = self.members.iter().map(|(row, codes)| globalconf::Member {
            id: row.id.clone(),
            name: row.name.clone(),
            subsystems: codes.iter().map(named).collect(),
        });
        params.members = members.collect();
        params.servers = self.servers.iter().map(server).collect();
        params.groups = self.groups.iter().map(group).collect();
        let classes = self.classes.iter().map(|code| MemberClass {
            code: code.clone(),
            description: code.clone(),
        });
        params.member_classes = classes.collect();
        for service in &self.services {
            approve(params, service)?;
        }
        Ok(())
    }
}

fn server(
    (row, certificates, clients): &(ServerRow, Vec<Vec<u8>>, Vec<kernel::SubsystemId>),
) -> Server {
    // Version 2 of the format knows certificates by SHA-1 alone.
    let digests = |der: &Vec<u8>| [sha1(der).to_vec(), Hash::Sha256.digest(der)];
    Server {
        id: row.id.clone(),
        address: row.address.clone(),
        auth_cert_hashes: certificates.iter().flat_map(digests).collect(),
        clients: clients.iter().cloned().map(Party::Subsystem).collect(),
        maintenance: row.maintenance.then(|| Maintenance {
            message: Some(row.notice.clone()).filter(|text| !text.is_empty()),
        }),
    }
}

fn group(row: &GroupRow) -> Group {
    Group {
        code: row.code.clone(),
        description: row.name.clone(),
        members: row.members.iter().cloned().map(Party::Subsystem).collect(),
    }
}

fn approve(params: &mut SharedParams, service: &ServiceRow) -> Result<(), Fault> {
    let certificate = Certificate::from_der(&service.der).map_err(Fault::internal)?;
    if service.kind != services::CA {
        params.stampers.push(Stamper {
            name: service.name.clone(),
            url: service.url.clone(),
            certificate,
            cost: None,
        });
        return Ok(());
    }
    let top = Issuer {
        certificate,
        responders: vec![Responder {
            url: service.url.clone(),
            certificate: None,
            cost: None,
        }],
    };
    let profile = Profile::of_short(&service.profile);
    let authority = globalconf::Authority::new(&service.name, top, profile);
    params.authorities.push(authority);
    Ok(())
}
