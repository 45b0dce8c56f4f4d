-- What is kept for long lies in tables partitioned by the time inside their ids; what is still owed lies in `due`, which
-- is as small as the backlog. A row of `due` goes when the work is done, so claims never see history.

CREATE TABLE clients_turns (
    client text PRIMARY KEY,
    next_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- ---- who is who
CREATE TABLE identities (
    key uuid PRIMARY KEY,
    datatalks_id uuid NOT NULL,
    client text NOT NULL,
    entity text NOT NULL,
    type text NOT NULL,
    born_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 90);
CREATE INDEX identities_datatalks_id ON identities (datatalks_id);

-- ---- what was accepted
CREATE TABLE requests (
    request_id uuid PRIMARY KEY,
    client text NOT NULL,
    environment text NOT NULL,
    surface text NOT NULL,
    group_key text NOT NULL,
    entity text NOT NULL,
    type text NOT NULL,
    action text NOT NULL,
    mapping_version text NOT NULL,
    credential text NOT NULL,
    callback_id integer,
    records integer NOT NULL,
    planned integer NOT NULL DEFAULT 0,
    open integer NOT NULL,
    failed integer NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz
) PARTITION BY RANGE (request_id);
-- A list reads down it; what narrows the list is told by the index alone.
CREATE INDEX requests_client ON requests (client, request_id, group_key, entity, type);
CREATE INDEX requests_failed ON requests (request_id) WHERE failed > 0;

CREATE TABLE records (
    record_id uuid PRIMARY KEY,
    seq bigint NOT NULL,
    datatalks_id uuid NOT NULL,
    ordering_key uuid NOT NULL,
    data text NOT NULL
) PARTITION BY RANGE (record_id);
CREATE INDEX records_datatalks_id ON records (datatalks_id);
CREATE SEQUENCE record_seq CACHE 1;

CREATE TABLE rejections (
    request_id uuid PRIMARY KEY,
    client text,
    surface text NOT NULL,
    credential text,
    status integer NOT NULL,
    messages jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (request_id);
CREATE INDEX rejections_client ON rejections (client, request_id);

CREATE TABLE idempotency (
    client text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    request_id uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (client, key)
);
CREATE INDEX idempotency_expires_at ON idempotency (expires_at);

-- ---- where it goes
CREATE TABLE destinations (
    destination_id integer GENERATED ALWAYS AS IDENTITY (MAXVALUE 1048575) PRIMARY KEY,
    client text NOT NULL,
    group_key text NOT NULL,
    integration text NOT NULL,
    kind text NOT NULL,
    connector text NOT NULL,
    queue text NOT NULL,
    account text NOT NULL,
    chunk integer NOT NULL,
    batch integer NOT NULL,
    max_hints integer NOT NULL,
    requests_per_second double precision,
    records_per_second double precision,
    release_rate double precision NOT NULL,
    order_limit double precision NOT NULL,
    enabled boolean NOT NULL,
    route_id integer,
    paused_at timestamptz,
    paused_by text,
    catching_up boolean NOT NULL DEFAULT false,
    release_next_at timestamptz NOT NULL DEFAULT '-infinity',
    breaker text NOT NULL DEFAULT 'closed',
    breaker_reason text,
    breaker_since timestamptz,
    opened_times integer NOT NULL DEFAULT 0,
    delivered_lately integer NOT NULL DEFAULT 0,
    failed_lately integer NOT NULL DEFAULT 0,
    lately_since timestamptz NOT NULL DEFAULT now(),
    given_at timestamptz NOT NULL DEFAULT '-infinity',
    UNIQUE (client, group_key, integration)
) WITH (fillfactor = 50);

CREATE TABLE accounts (
    account text PRIMARY KEY,
    blocked_until timestamptz NOT NULL DEFAULT '-infinity',
    requests_next_at timestamptz NOT NULL DEFAULT '-infinity',
    records_next_at timestamptz NOT NULL DEFAULT '-infinity',
    slots_next_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);

CREATE TABLE deliveries (
    delivery_id uuid PRIMARY KEY,
    request_id uuid NOT NULL,
    destination_id integer NOT NULL,
    operation text NOT NULL,
    state text NOT NULL,
    payload text,
    reason text,
    provider_id text,
    recovering boolean NOT NULL DEFAULT false,
    earlier smallint NOT NULL DEFAULT 0,
    attempts jsonb NOT NULL DEFAULT '[]',
    planned_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    -- For the index below: a condition on the state itself would have every delivery written to all indexes as it ends.
    failed boolean NOT NULL GENERATED ALWAYS AS (state IN ('dead', 'unknown')) STORED
) PARTITION BY RANGE (delivery_id);
CREATE INDEX deliveries_callbacks ON deliveries (request_id) WHERE operation = 'callback';
CREATE INDEX deliveries_failed ON deliveries (delivery_id) WHERE failed;

-- ---- what is owed
CREATE TABLE due (
    id uuid PRIMARY KEY,
    request_id uuid NOT NULL,
    destination_id integer NOT NULL,
    lane smallint NOT NULL,
    ordering_key uuid NOT NULL,
    seq bigint NOT NULL,
    due_at timestamptz NOT NULL,
    suspicion smallint NOT NULL DEFAULT 0,
    hint_id bigint
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.2, autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX due_claim ON due (destination_id, lane, due_at, seq) WHERE hint_id IS NULL;
CREATE INDEX due_order ON due (destination_id, ordering_key, seq);

CREATE TABLE hints (
    hint_id bigint PRIMARY KEY,
    destination_id integer NOT NULL,
    queue text NOT NULL,
    task text NOT NULL,
    replay boolean NOT NULL,
    ids uuid[] NOT NULL,
    requests uuid[] NOT NULL,
    given_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    lease_until timestamptz,
    worker text
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 200);
CREATE SEQUENCE hint_seq;

-- ---- who may
CREATE TABLE access_keys (
    access_key_id text PRIMARY KEY,
    client text NOT NULL,
    secret bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);

CREATE TABLE client_api_keys (
    name text PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    client text NOT NULL,
    group_key text NOT NULL,
    scope text NOT NULL CHECK (scope IN ('public', 'secret')),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

CREATE TABLE secrets (
    client text NOT NULL,
    name text NOT NULL,
    value bytea NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    set_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client, name)
);

CREATE TABLE tokens (
    account text PRIMARY KEY,
    token bytea NOT NULL,
    expires_at timestamptz NOT NULL
);

-- ---- what is mapped
CREATE TABLE mapping_sets (
    digest text PRIMARY KEY,
    documents jsonb NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE publications (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest text NOT NULL REFERENCES mapping_sets,
    author text NOT NULL,
    message text NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now()
);

-- Aborts the statement that calls it, with a code of our own (RT001: a datatalksId that its hard id does not have).
CREATE FUNCTION refuse(code text, detail text) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = detail;
END $$;

-- ---- partitions: a week each, by the milliseconds that an id begins with
CREATE FUNCTION uuid_at(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;

-- When an id was born, to the millisecond.
CREATE FUNCTION born_at(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT to_timestamp(('x' || substr(id::text, 1, 8) || substr(id::text, 10, 4))::bit(48)::bigint / 1000.0)
$$;

-- The lowest and the highest id of what belongs to a request, from any id of it, as `router.model.ids_of`. version: '7' for
-- the request itself, '8' for its records and deliveries.
CREATE FUNCTION lowest_id(id uuid, version text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (substr(id::text, 1, 14) || version || substr(id::text, 16, 12)
        || translate(substr(id::text, 28, 1), '0123456789abcdef', '000044448888cccc') || '00000000')::uuid
$$;
CREATE FUNCTION highest_id(id uuid, version text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (substr(id::text, 1, 14) || version || substr(id::text, 16, 12)
        || translate(substr(id::text, 28, 1), '0123456789abcdef', '33337777bbbbffff') || 'ffffffff')::uuid
$$;

-- An id of the present moment, for rows that are born once and never planned again (callbacks): a UUIDv8.
CREATE FUNCTION fresh_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT (substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-8' || substr(gen_random_uuid()::text, 16))::uuid
    FROM (SELECT lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') AS hex) AS moment
$$;

-- Every partitioned table is of this kind.
CREATE FUNCTION make_partitions(since timestamptz, until timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    week timestamptz := date_trunc('week', since AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    child text;
    made integer := 0;
BEGIN
    WHILE week < until LOOP
        FOR parent IN
            SELECT relname FROM pg_class WHERE relkind = 'p' AND relnamespace = current_schema()::regnamespace
        LOOP
            child := parent || to_char(week AT TIME ZONE 'UTC', '_YYYYMMDD');
            IF to_regclass(child) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)',
                    child, parent, uuid_at(week), uuid_at(week + interval '7 days'),
                    CASE WHEN parent IN ('requests', 'deliveries') THEN 75 ELSE 100 END);
                made := made + 1;
            END IF;
        END LOOP;
        week := week + interval '7 days';
    END LOOP;
    RETURN made;
END $$;

-- Drops the weeks that ended before `until`, but never one that something is still owed from.
CREATE FUNCTION drop_partitions(until timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    child record;
    ended timestamptz;
    dropped integer := 0;
    -- A callback that is owed needs its request, which may be much older than itself.
    oldest uuid := (SELECT least(id, request_id) FROM due ORDER BY 1 LIMIT 1);
BEGIN
    FOR child IN
        SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
            JOIN pg_class AS p ON p.oid = i.inhparent
        WHERE p.relkind = 'p' AND p.relnamespace = current_schema()::regnamespace AND c.relname ~ '_[0-9]{8}$'
    LOOP
        ended := to_timestamp(right(child.relname, 8), 'YYYYMMDD') + interval '7 days';
        IF ended <= until AND coalesce(oldest >= uuid_at(ended), true) THEN
            EXECUTE format('DROP TABLE %I', child.relname);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END $$;

-- A clock that jumps, or an import of old ids, must find a place as well.
CREATE TABLE requests_other PARTITION OF requests DEFAULT;
CREATE TABLE records_other PARTITION OF records DEFAULT;
CREATE TABLE rejections_other PARTITION OF rejections DEFAULT;
CREATE TABLE deliveries_other PARTITION OF deliveries DEFAULT;
