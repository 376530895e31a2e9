ALTER TABLE exchange_service ADD COLUMN notice TEXT;
ALTER TABLE exchange_service ADD COLUMN timeout_seconds BIGINT;
ALTER TABLE exchange_service ADD COLUMN description TEXT;
CREATE TABLE exchange_endpoint (
    service TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (service, method, path)
);
CREATE TABLE exchange_group (
    code TEXT PRIMARY KEY,
    title TEXT NOT NULL
);
CREATE TABLE exchange_group_member (
    code TEXT NOT NULL,
    client TEXT NOT NULL,
    PRIMARY KEY (code, client)
);
CREATE INDEX exchange_group_member_client ON exchange_group_member (client);
CREATE INDEX exchange_right_service ON exchange_right (service);
