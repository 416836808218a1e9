// Rebuilds totals by account with Emmett, a row handler in SQL: `migrate URL` makes its tables, `rebuild URL BATCH` prints the seconds.
import { SQL } from "@event-driven-io/dumbo";
import {
  getPostgreSQLEventStore,
  postgreSQLRawSQLProjection,
  rebuildPostgreSQLProjections,
} from "@event-driven-io/emmett-postgresql";

const [order, connectionString, batch] = process.argv.slice(2);

if (order === "migrate") {
  const store = getPostgreSQLEventStore(connectionString);
  await store.schema.migrate();
  await store.close();
} else {
  const totals = postgreSQLRawSQLProjection({
    name: "totals",
    canHandle: ["OrderPlaced", "PaymentTaken", "StockReserved", "ParcelPacked", "ParcelSent"],
    evolve: ({ data }) =>
      SQL`insert into emmett_totals values (${data.account}, 1, ${data.cents})
          on conflict (account) do update set movements = emmett_totals.movements + 1, cents = emmett_totals.cents + excluded.cents`,
  });
  const consumer = rebuildPostgreSQLProjections({
    connectionString,
    projections: [totals],
    pulling: { batchSize: Number(batch), pullingFrequencyInMs: 0 },
  });
  const began = performance.now();
  await consumer.start();
  console.log((performance.now() - began) / 1000);
  await consumer.close();
}
