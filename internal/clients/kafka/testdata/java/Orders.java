import java.io.FileInputStream;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Sends a hundred records, reads them in a group and commits, with the settings of a properties
 * file: Orders FILE TOPIC GROUP. With a fourth argument it sends a record every 20 ms for so many
 * seconds instead, and reads along.
 */
public final class Orders {
    private static final int RECORDS = 100;

    public static void main(String[] arguments) throws Exception {
        Properties settings = new Properties();
        try (InputStream in = new FileInputStream(arguments[0])) {
            settings.load(in);
        }
        settings.put("max.block.ms", "60000");
        try {
            if (arguments.length > 3) {
                traffic(settings, arguments[1], arguments[2], Integer.parseInt(arguments[3]));
            } else {
                send(settings, arguments[1]);
                read(settings, arguments[1], arguments[2]);
            }
        } catch (Exception e) {
            for (Throwable t = e; t != null; t = t.getCause()) {
                System.err.println(t);
            }
            System.exit(1);
        }
        System.exit(0);
    }

    private static KafkaProducer<String, String> producer(Properties settings) {
        return new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
    }

    private static KafkaConsumer<String, String> consumer(Properties settings, String group) {
        Properties more = new Properties();
        more.putAll(settings);
        more.putAll(Map.of("group.id", group, "auto.offset.reset", "earliest", "enable.auto.commit", "false"));
        return new KafkaConsumer<>(more, new StringDeserializer(), new StringDeserializer());
    }

    private static void send(Properties settings, String topic) throws Exception {
        // Not closed when it fails: closing waits until every record is given up.
        KafkaProducer<String, String> producer = producer(settings);
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (int i = 0; i < RECORDS; i++) {
            sent.add(producer.send(new ProducerRecord<>(topic, "order " + i)));
            sent.get(0).get(); // or else each record would wait for another login to be refused
        }
        for (Future<RecordMetadata> one : sent) {
            one.get();
        }
        producer.close();
        System.out.println("sent " + RECORDS);
    }

    private static void read(Properties settings, String topic, String group) {
        try (KafkaConsumer<String, String> consumer = consumer(settings, group)) {
            consumer.subscribe(List.of(topic));
            int read = 0;
            while (read < RECORDS) {
                read += consumer.poll(Duration.ofSeconds(1)).count();
            }
            System.out.println("read " + read);
            consumer.commitSync();
            long committed = consumer.committed(consumer.assignment()).values().stream()
                    .filter(offset -> offset != null).mapToLong(OffsetAndMetadata::offset).sum();
            System.out.println("committed " + committed);
        }
    }

    private static void traffic(Properties settings, String topic, String group, int seconds) throws Exception {
        AtomicInteger sent = new AtomicInteger();
        AtomicInteger failed = new AtomicInteger();
        int read = 0;
        try (KafkaProducer<String, String> producer = producer(settings);
                KafkaConsumer<String, String> consumer = consumer(settings, group)) {
            consumer.subscribe(List.of(topic));
            long end = System.nanoTime() + seconds * 1_000_000_000L;
            while (System.nanoTime() < end) {
                producer.send(new ProducerRecord<>(topic, "order"), (metadata, error) -> {
                    sent.incrementAndGet();
                    if (error != null) {
                        failed.incrementAndGet();
                        System.err.println(error);
                    }
                });
                read += consumer.poll(Duration.ofMillis(20)).count();
            }
            producer.flush();
            long last = System.nanoTime() + 60_000_000_000L;
            while (read < sent.get() && System.nanoTime() < last) {
                read += consumer.poll(Duration.ofMillis(100)).count();
            }
            consumer.commitSync();
        }
        System.out.printf("sent %d failed %d read %d%n", sent.get(), failed.get(), read);
    }
}
