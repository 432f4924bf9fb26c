-- sample.rows is about how many rows there will be in all.
SELECT setseed(0.42);
INSERT INTO shop.product (name, price, picture)
SELECT 'product ' || g, (g % 900) + 0.99, decode(md5(g::text), 'hex') FROM generate_series(1, 1000) g;

INSERT INTO shop.customer (email, country, tags, preferences, joined_at)
SELECT 'customer' || g || '@example.org', (ARRAY['DE', 'FR', 'JP', 'BR'])[1 + g % 4], ARRAY['t' || g % 7],
       jsonb_build_object('theme', g % 3, 'news', g % 2 = 0), timestamptz '2020-01-01Z' + g * interval '1 minute'
FROM generate_series(1, current_setting('sample.rows')::int * 15 / 100) g;

INSERT INTO shop."order" (placed_on, customer, state, detail)
SELECT date '2023-12-01' + (g % 1000), 1 + g % (current_setting('sample.rows')::int * 15 / 100),
       (ARRAY['placed', 'paid', 'sent', 'returned'])[1 + g % 4]::shop.order_state, jsonb_build_object('gift', g % 5 = 0, 'n', g)
FROM generate_series(1, current_setting('sample.rows')::int * 30 / 100) g;

INSERT INTO shop.order_line
SELECT o.id, o.placed_on, n, 1 + (o.id + n) % 1000, 1 + (o.id * n) % 9 FROM shop."order" o, generate_series(1, 2) n;
