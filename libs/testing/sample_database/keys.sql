-- Keys come after the rows: checking them once is faster than row by row.
ALTER TABLE shop.order_line ADD PRIMARY KEY ("order", placed_on, line);
ALTER TABLE shop."order" ADD FOREIGN KEY (customer) REFERENCES shop.customer;
ALTER TABLE shop.order_line ADD FOREIGN KEY ("order", placed_on) REFERENCES shop."order" ON DELETE CASCADE;
ALTER TABLE shop.order_line ADD FOREIGN KEY (product) REFERENCES shop.product;
CREATE UNIQUE INDEX customer_email ON shop.customer (lower(email));
CREATE INDEX order_open ON shop."order" (customer) WHERE state IN ('placed', 'paid');
CREATE VIEW shop.revenue AS
  SELECT o.placed_on, sum(l.quantity * p.price) AS revenue
  FROM shop."order" o JOIN shop.order_line l ON (l."order", l.placed_on) = (o.id, o.placed_on) JOIN shop.product p ON p.id = l.product
  GROUP BY o.placed_on;
CREATE MATERIALIZED VIEW shop.by_country AS SELECT country, count(*) AS customers FROM shop.customer GROUP BY country;
COMMENT ON TABLE shop.customer IS 'Who buys.';
ANALYZE;
