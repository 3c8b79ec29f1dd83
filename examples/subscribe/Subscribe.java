import java.security.MessageDigest;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Read every event and check it: java -cp kafka-clients.jar:slf4j-api.jar:. Subscribe BOOTSTRAP; ends after a silence. */
public class Subscribe {
    static final String[] CONTEXTS = {
        "governance", "evidence", "identity", "capability", "production", "compliance", "rights", "delivery"
    };

    public static void main(String[] arguments) throws Exception {
        Map<String, Object> settings = Map.of(
            ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0],
            ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed",
            ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
        Set<Long> seen = new HashSet<>();
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (String context : CONTEXTS) {
                for (var found : consumer.partitionsFor("edgeprint." + context + ".v1")) {
                    partitions.add(new TopicPartition(found.topic(), found.partition()));
                }
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            for (int silent = 0; silent < 3; ) {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofSeconds(1));
                silent = records.isEmpty() ? silent + 1 : 0;
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    byte[] value = record.value() == null ? new byte[0] : record.value();
                    sha256.update((byte) 0); // the leaf hash is that of 00 and the entry
                    int start = record.headers().lastHeader("__value_schema_id") != null ? 0 : Math.min(5, value.length);
                    sha256.update(value, start, value.length - start); // behind the framing, if there is one
                    String leaf = HexFormat.of().formatHex(sha256.digest());
                    String index = text(record, "ledger-index");
                    if (!leaf.equals(text(record, "leaf-hash")) || !index.matches("0|[1-9][0-9]{0,17}")) {
                        System.out.printf("foreign record %s-%d@%d%n", record.topic(), record.partition(), record.offset());
                    } else if (seen.add(Long.parseLong(index))) { // never by offset
                        System.out.println(index + " " + text(record, "ce_type") + " " + leaf);
                    }
                }
            }
        }
    }

    static String text(ConsumerRecord<byte[], byte[]> record, String name) {
        Header header = record.headers().lastHeader(name);
        return header == null || header.value() == null ? "" : new String(header.value());
    }
}
