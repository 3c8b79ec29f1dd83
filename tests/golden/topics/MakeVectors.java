import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.utils.Utils;

/** Prints vectors.tsv: what Apache Kafka's own murmur2 and default partitioner say of fixed keys. See README.md. */
public class MakeVectors {
    private static final int[] COUNTS = {1, 2, 6, 7, 12, 1000};

    public static void main(String[] arguments) throws Exception {
        StringBuilder lines = new StringBuilder("key_hex\tmurmur2");
        for (int count : COUNTS) lines.append("\tof_").append(count);
        lines.append('\n');
        for (byte[] key : keys()) {
            lines.append(HexFormat.of().formatHex(key)).append('\t').append(Integer.toUnsignedString(Utils.murmur2(key)));
            for (int count : COUNTS) lines.append('\t').append(BuiltInPartitioner.partitionForKey(key, count));
            lines.append('\n');
        }
        System.out.print(lines);
    }

    private static List<byte[]> keys() throws Exception {
        List<byte[]> keys = new ArrayList<>();
        // every length of the tail, with bytes that are negative in Java
        for (int length = 0; length <= 9; length++) {
            keys.add(filled(length, 0x00));
            keys.add(filled(length, 0x7f));
            keys.add(filled(length, 0x80));
            keys.add(filled(length, 0xff));
            keys.add("abcdefghi".substring(0, length).getBytes(StandardCharsets.US_ASCII));
        }
        for (String text : new String[] {"21", "foobar", "a-little-bit-long-string", "片边码", "夜景.mov", "é", "🎞️", "Ω≈ç√"})
            keys.add(text.getBytes(StandardCharsets.UTF_8));
        ByteArrayOutputStream every = new ByteArrayOutputStream();
        for (int value = 0; value < 256; value++) every.write(value);
        keys.add(every.toByteArray());
        // what the relay sends: stream ids as lower-case hyphenated ASCII, UUIDv7 by their version bits
        for (int number = 0; number < 200; number++)
            keys.add(streamId(number).toString().getBytes(StandardCharsets.US_ASCII));
        return keys;
    }

    private static byte[] filled(int length, int value) {
        byte[] key = new byte[length];
        java.util.Arrays.fill(key, (byte) value);
        return key;
    }

    private static UUID streamId(int number) throws Exception {
        byte[] label = ("edgeprint/topics/" + number).getBytes(StandardCharsets.US_ASCII);
        ByteBuffer digest = ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(label));
        long high = digest.getLong() & ~0xf000L | 0x7000L;
        long low = digest.getLong() & ~(3L << 62) | 1L << 63;
        return new UUID(high, low);
    }
}
