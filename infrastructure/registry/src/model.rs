//! What of the register is published: one value, read in one transaction, from which the configuration is written.

use std::collections::HashMap;

use data_encoding::BASE64;
use exchange::directory::{self, Directory};
use kernel::{Fault, MemberId};
use store::Tx;

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
    /// Servers with the hashes (SHA-256, hex) of their authentication certificates and their registered subsystems.
    pub servers: Vec<(ServerRow, Vec<String>, Vec<kernel::SubsystemId>)>,
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
    ) -> Result<Vec<(ServerRow, Vec<String>, Vec<kernel::SubsystemId>)>, Fault> {
        let mut hashes = grouped(sql::server::auth_hashes(tx, self.now()).await?);
        let mut clients = grouped(sql::server::all_clients(tx).await?);
        let servers = sql::server::all(tx).await?.into_iter().map(|row| {
            let id = row.id.to_string();
            let hashes = hashes.remove(&id).unwrap_or_default();
            (row, hashes, clients.remove(&id).unwrap_or_default())
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
    /// Puts members, servers and foreign trust services into a directory.
    pub fn fill(&self, directory: &mut Directory) {
        let members = self.members.iter().map(|(row, codes)| directory::Member {
            id: row.id.clone(),
            name: row.name.clone(),
            subsystems: codes.clone(),
        });
        directory.members = members.collect();
        let servers = self.servers.iter();
        let servers = servers.map(|(row, hashes, clients)| directory::Server {
            id: row.id.clone(),
            address: row.address.clone(),
            certificates: hashes.clone(),
            clients: clients.clone(),
            maintenance: row.maintenance.then(|| row.notice.clone()),
        });
        directory.servers = servers.collect();
        for service in &self.services {
            let certificate = BASE64.encode(&service.der);
            if service.kind == services::CA {
                directory.authorities.push(directory::Authority {
                    name: service.name.clone(),
                    root: certificate,
                    intermediates: Vec::new(),
                    ocsp_url: service.url.clone(),
                    ocsp_certificates: Vec::new(),
                });
            } else {
                directory.stampers.push(directory::Stamper {
                    name: service.name.clone(),
                    url: service.url.clone(),
                    certificate,
                });
            }
        }
    }
}
