package org.elasticmq.util;

import java.time.Duration;
import java.time.OffsetDateTime;

/** ElasticMQ's clock, in the place of its own class of this name: it can be moved on. */
public class NowProvider {
    private static volatile Duration ahead = Duration.ZERO;

    public static synchronized void advance(Duration d) {
        ahead = ahead.plus(d);
    }

    public OffsetDateTime now() {
        return OffsetDateTime.now().plus(ahead);
    }

    public long nowMillis() {
        return System.currentTimeMillis() + ahead.toMillis();
    }
}
