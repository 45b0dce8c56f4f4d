CREATE TABLE identities (
    client text, entity text, type text, hard_id text, datatalks_id uuid NOT NULL,
    PRIMARY KEY (client, entity, type, hard_id)
);
CREATE TABLE requests (
    id uuid PRIMARY KEY, client text NOT NULL, group_key text NOT NULL, type text NOT NULL, datatalks_id uuid NOT NULL,
    data jsonb NOT NULL, status text NOT NULL DEFAULT 'accepted', received_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz
);
CREATE TABLE deliveries (
    id uuid PRIMARY KEY, request_id uuid NOT NULL REFERENCES requests, integration text NOT NULL, payload jsonb NOT NULL,
    status text NOT NULL DEFAULT 'pending', http_status integer, attempts integer NOT NULL DEFAULT 0, reason text,
    created_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz
);
CREATE INDEX ON deliveries (request_id);
