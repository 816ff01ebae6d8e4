package orders;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.core.KafkaAdmin;
import org.springframework.kafka.core.KafkaTemplate;

/** Sends a hundred records with a KafkaTemplate, reads them with a KafkaListener, which commits. */
@SpringBootApplication
public class Orders implements CommandLineRunner {
    private static final int RECORDS = 100;
    private final CountDownLatch unread = new CountDownLatch(RECORDS);
    private final KafkaTemplate<String, String> template;
    private final KafkaAdmin kafka;
    @Value("${topic}") private String topic;
    @Value("${spring.kafka.consumer.group-id}") private String group;

    Orders(KafkaTemplate<String, String> template, KafkaAdmin kafka) {
        this.template = template;
        this.kafka = kafka;
    }

    public static void main(String[] arguments) {
        SpringApplication application = new SpringApplication(Orders.class);
        application.setLogStartupInfo(false);
        application.setBannerMode(org.springframework.boot.Banner.Mode.OFF);
        System.setProperty("logging.level.root", "OFF");
        try (ConfigurableApplicationContext context = application.run(arguments)) {
            System.exit(0);
        } catch (Exception e) {
            for (Throwable t = e; t != null; t = t.getCause()) {
                System.err.println(t);
            }
            System.exit(1);
        }
    }

    @KafkaListener(topics = "${topic}")
    void read(String order) {
        unread.countDown();
    }

    @Override
    public void run(String... arguments) throws Exception {
        List<CompletableFuture<?>> sent = new ArrayList<>();
        for (int i = 0; i < RECORDS; i++) {
            sent.add(template.send(topic, "order " + i));
            sent.get(0).get(60, TimeUnit.SECONDS); // or else each record would wait for another login to be refused
        }
        for (CompletableFuture<?> one : sent) {
            one.get(60, TimeUnit.SECONDS);
        }
        System.out.println("sent " + RECORDS);
        if (!unread.await(60, TimeUnit.SECONDS)) {
            throw new IllegalStateException(unread.getCount() + " records were not read");
        }
        System.out.println("read " + RECORDS);
        try (AdminClient admin = AdminClient.create(kafka.getConfigurationProperties())) {
            long committed = 0;
            for (int i = 0; i < 1000 && committed < RECORDS; i++) { // the listener commits once it returns
                committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().values().stream()
                        .mapToLong(OffsetAndMetadata::offset).sum();
                Thread.sleep(50);
            }
            System.out.println("committed " + committed);
        }
    }
}
